"""Show measurements: as tables in a terminal, and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from nengo_dl_benchmarks.comparison import Case, Measurement
from nengo_dl_benchmarks.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def sized(case: Case) -> str:
    """Name the network of a case, with its size.

    Parameters
    ----------
    case : Case
        The case.

    Returns
    -------
    text : str
        As it is written in Python.
    """
    size = ", ".join(f"{name}={value}" for name, value in case.size.items())
    return f"{case.benchmark}({size})"


def title(case: Case) -> str:
    """Describe a case in one line.

    Parameters
    ----------
    case : Case
        The case.

    Returns
    -------
    title : str
        Its network, size and mode.

    Examples
    --------
    >>> title(Case("feedback", {"n_neurons": 50}, n_steps=1000))
    'feedback(n_neurons=50), run of 1000 steps'
    """
    what = {
        "build": "build",
        "step": "one call of step",
        "train": f"training with one minibatch, {case.n_steps} steps",
        "fit": f"fit, 4 minibatches of {case.batch_size}, {case.n_steps} steps",
    }.get(case.mode, f"{case.mode} of {case.n_steps} steps")
    inputs = f", {case.batch_size} inputs" if case.batch_size > 1 else ""
    return f"{sized(case)}, {what}{'' if case.mode == 'fit' else inputs}"


def seconds(value: float | None) -> str:
    """Write a duration with a fitting unit.

    Parameters
    ----------
    value : float or None
        Seconds.

    Returns
    -------
    text : str
        Three digits and the unit, or a dash for None.

    Examples
    --------
    >>> seconds(0.0123)
    '12.3 ms'
    """
    if value is None:
        return "–"
    factor, unit = next(
        (scale for scale in ((1, "s"), (1e3, "ms")) if value * scale[0] >= 1),
        (1e6, "µs"),
    )
    return f"{value * factor:#.3g}".rstrip(".") + f" {unit}"


@dataclass(frozen=True)
class Ratio:
    """How many times as long as another simulator one takes.

    Parameters
    ----------
    typical : float
        Ratio of the median durations.
    low, high : float
        Lowest and highest ratio of two runs that followed each other.

    Examples
    --------
    >>> str(Ratio(12.345, 9.876, 14))
    '12.3x (9.9–14)'
    """

    typical: float
    low: float
    high: float

    def __str__(self) -> str:
        low, high = (times(value, digits=2)[:-1] for value in (self.low, self.high))
        return f"{times(self.typical)} ({low}–{high})"


def times(value: float | None, *, digits: int = 3) -> str:
    """Write a factor.

    Parameters
    ----------
    value : float or None
        The factor.
    digits : int, optional
        How many digits count.

    Returns
    -------
    text : str
        The factor, or a dash for None.

    Examples
    --------
    >>> times(1234.5), times(0.012345)
    ('1230x', '0.0123x')
    """
    return "–" if value is None else f"{float(f'{value:.{digits}g}'):g}x"


def ratio(measurement: Measurement, base: Measurement) -> Ratio | None:
    """Compare a simulator with another one.

    Parameters
    ----------
    measurement, base : Measurement
        What the two took for the same case.

    Returns
    -------
    ratio : Ratio or None
        None if one of them did not get so far.
    """
    if not (measurement.typical and base.typical):
        return None
    ratios = [m / b for m, b in zip(measurement.warm, base.warm, strict=False)]
    return Ratio(measurement.typical / base.typical, min(ratios), max(ratios))


def beyond_bound(
    measurement: Measurement, measurements: Sequence[Measurement]
) -> float | None:
    """Compare a simulator with the lower bound.

    Parameters
    ----------
    measurement : Measurement
        What it took.
    measurements : sequence of Measurement
        All of the case; the lowest of their bounds counts.

    Returns
    -------
    factor : float or None
        How many times as long it took; None if there is no bound.
    """
    bounds = [found.bound for found in measurements if found.bound]
    if not (bounds and measurement.typical):
        return None
    return measurement.typical / min(bounds)


COLUMNS = ("simulator", "build", "first run", "warm run", "ratio", "/ bound", "memory")


def cells(
    measurement: Measurement, measurements: Sequence[Measurement]
) -> tuple[str, ...]:
    """Write what is known of a simulator, for the ``COLUMNS`` of a table.

    Parameters
    ----------
    measurement : Measurement
        What it took.
    measurements : sequence of Measurement
        All of the case; it is compared with the first.

    Returns
    -------
    cells : tuple of str
        One for each column.
    """
    is_first = measurement is measurements[0]
    compared = ratio(measurement, measurements[0])
    added = "" if measurement.added is None else f" ({seconds(measurement.added)})"
    return (
        measurement.backend,
        seconds(measurement.build) + added,
        seconds(measurement.first),
        seconds(measurement.typical),
        "1x" if compared and is_first else str(compared or "–"),
        times(beyond_bound(measurement, measurements)),
        mebibytes(measurement.peak),
    )


def table(measurements: Sequence[Measurement]) -> Table:
    """Show the measurements of a case in a terminal.

    Parameters
    ----------
    measurements : sequence of Measurement
        All of one case; the others are compared with the first.

    Returns
    -------
    table : rich.table.Table
        A row for each simulator.
    """
    rows = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
    rows.add_column(COLUMNS[0], overflow="fold")
    for column in COLUMNS[1:]:
        header = column.replace(" ", "\n")
        rows.add_column(header, justify="right", vertical="bottom", no_wrap=True)
    for found in measurements:
        rows.add_row(*cells(found, measurements))
    return rows


def as_text(*tables: Table) -> str:
    """Write tables as text.

    Parameters
    ----------
    *tables : rich.table.Table
        The tables.

    Returns
    -------
    text : str
        One below the other, without colours.
    """
    console = Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(*tables, sep="\n")
    return capture.get().rstrip()


def mebibytes(value: float | None) -> str:
    """Write an amount of memory.

    Parameters
    ----------
    value : float or None
        Bytes.

    Returns
    -------
    text : str
        The amount in MiB, or a dash for None.
    """
    return "–" if value is None else f"{value / 2**20:.0f} MiB"


def rendered(template: str, **values: Any) -> str:
    """Fill in a template.

    Parameters
    ----------
    template : str
        Its name, which ends in the kind of text that it is.
    **values : object
        What it shows.

    Returns
    -------
    text : str
        The page.
    """
    environment = Environment(
        autoescape=template.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        loader=PackageLoader("nengo_dl_benchmarks", "templates"),
    )
    environment.filters |= {"seconds": seconds, "times": times}
    return environment.get_template(f"{template}.jinja").render(values)


def page(results: Results, template: str) -> str:
    """Show results as a page.

    Parameters
    ----------
    results : Results
        What has been measured.
    template : str
        ``"html"`` for a page that needs nothing else, or ``"markdown"`` for one with a
        picture beside it (`plot`).

    Returns
    -------
    text : str
        The page.
    """
    cases = [(title(case), results.of(case)) for case in results.cases]
    return rendered(
        f"report.{template}",
        circumstances=results.circumstances,
        commands=results.commands,
        columns=COLUMNS,
        cells=cells,
        cases=cases,
        backends=_labels(results),
        versions=results.versions,
        ratio=ratio,
        position=_position,
    )


def _labels(results: Results) -> list[str]:
    return list(dict.fromkeys(found.backend for found in results.measurements))


def _position(value: float, measurements: Sequence[Measurement]) -> float:
    """Place a duration on a logarithmic axis that holds all of a case, in percent."""
    warm = [seconds for found in measurements for seconds in found.warm]
    low, high = log10(min(warm)), log10(max(warm))
    margin = 0.05 * (high - low) + 0.02
    return 100 * (log10(value) - low + margin) / (high - low + 2 * margin)


def plot(results: Results) -> Figure:
    """Draw how many times as long as the first simulator the others take.

    Parameters
    ----------
    results : Results
        What has been measured.

    Returns
    -------
    figure : matplotlib.figure.Figure
        A line for each case; dots are medians, bars the spread of single runs.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    first, *others = _labels(results)
    cases = results.cases
    figure = Figure(figsize=(8, 1.2 + 0.4 * len(cases)), layout="constrained")
    axes = figure.subplots()
    for number, label in enumerate(others):
        for line, case in enumerate(cases):
            found = {found.backend: found for found in results.of(case)}
            if label not in found or first not in found:
                continue
            if value := ratio(found[label], found[first]):
                height = line + 0.15 * number
                axes.plot([value.low, value.high], [height] * 2, color=f"C{number}")
                axes.plot(value.typical, height, "o", color=f"C{number}")
        axes.plot([], [], "o-", color=f"C{number}", label=label)
    axes.axvline(1, color="0.5", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda value, _: times(value))
    axes.set_yticks(
        range(len(cases)),
        [f"{case.benchmark}, {title(case).rpartition('), ')[2]}" for case in cases],
    )
    axes.invert_yaxis()
    axes.minorticks_off()
    axes.set_xlabel(f"duration of a warm run, {first} = 1x")
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.legend(frameon=False)
    return figure
