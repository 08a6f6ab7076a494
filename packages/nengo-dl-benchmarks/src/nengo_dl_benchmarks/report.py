"""Show measurements: as tables in a terminal, and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from math import log10

from jinja2 import Environment
from rich.table import Table

from nengo_dl_benchmarks.comparison import Case, Measurement
from nengo_dl_benchmarks.results import Results


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
    size = ", ".join(f"{name}={value}" for name, value in case.size.items())
    what = {
        "build": "build",
        "step": "one call of step",
        "fit": f"fit, 4 minibatches of {case.batch_size}, {case.n_steps} steps",
    }.get(case.mode, f"{case.mode} of {case.n_steps} steps")
    inputs = f", {case.batch_size} inputs" if case.batch_size > 1 else ""
    return f"{case.benchmark}({size}), {what}{'' if case.mode == 'fit' else inputs}"


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
class Speed:
    """How many times as fast as another simulator one is.

    Parameters
    ----------
    typical : float
        Ratio of the median durations.
    low, high : float
        Lowest and highest ratio of two runs that followed each other.
    """

    typical: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.typical:.2f}x ({self.low:.2f}–{self.high:.2f})"


def speed(measurement: Measurement, base: Measurement) -> Speed | None:
    """Compare a simulator with another one.

    Parameters
    ----------
    measurement, base : Measurement
        What the two took for the same case.

    Returns
    -------
    speed : Speed or None
        None if one of them did not get so far.
    """
    if not (measurement.typical and base.typical):
        return None
    ratios = [b / m for b, m in zip(base.warm, measurement.warm, strict=False)]
    return Speed(base.typical / measurement.typical, min(ratios), max(ratios))


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
    rows = Table("simulator")
    for column in ("build", "first run", "warm run", "speed", "memory"):
        rows.add_column(column, justify="right")
    for found in measurements:
        rows.add_row(
            found.backend,
            seconds(found.build),
            seconds(found.first),
            seconds(found.typical),
            str(speed(found, measurements[0]) or "–"),
            mebibytes(found.peak),
        )
    return rows


def mebibytes(value: int | None) -> str:
    """Write an amount of memory.

    Parameters
    ----------
    value : int or None
        Bytes.

    Returns
    -------
    text : str
        The amount in MiB, or a dash for None.
    """
    return "–" if value is None else f"{value / 2**20:.0f} MiB"


def page(results: Results) -> str:
    """Show results as a page that needs nothing else.

    Parameters
    ----------
    results : Results
        What has been measured.

    Returns
    -------
    html : str
        The page.
    """
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"seconds": seconds, "mebibytes": mebibytes}
    template = files("nengo_dl_benchmarks").joinpath("report.html.jinja").read_text()
    cases = [(title(case), results.of(case)) for case in results.cases]
    return environment.from_string(template).render(
        circumstances=results.circumstances,
        cases=cases,
        backends=list(dict.fromkeys(found.backend for found in results.measurements)),
        versions={found.backend: found.versions for found in results.measurements},
        speed=speed,
        position=_position,
    )


def _position(value: float, measurements: Sequence[Measurement]) -> float:
    """Place a duration on a logarithmic axis that holds all of a case, in percent."""
    warm = [seconds for found in measurements for seconds in found.warm]
    low, high = log10(min(warm)), log10(max(warm))
    margin = 0.05 * (high - low) + 0.02
    return 100 * (log10(value) - low + margin) / (high - low + 2 * margin)
