"""A page that compares the first backend with the best of the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nengo_dl_benchmarks.comparison import Case, Measurement
from nengo_dl_benchmarks.report import mebibytes, ratio, rendered, seconds, sized, times
from nengo_dl_benchmarks.results import Results

LACKING = "NotImplementedError: "
PASSES = {"predict": "forward", "train": "forward and backward"}


@dataclass(frozen=True)
class Section:
    """What is shown of one benchmark network.

    Parameters
    ----------
    name : str
        Name of the network.
    same : str
        What is the same in all rows, and therefore in no column.
    columns : tuple of str
        Headings of the tables.
    durations, memory : list of tuple of str
        Rows of the tables; the best value in each is bold.
    remarks : list of str
        Why backends are missing in rows or in the tables.
    """

    name: str
    same: str
    columns: tuple[str, ...]
    durations: list[tuple[str, ...]]
    memory: list[tuple[str, ...]]
    remarks: list[str]


def peers_page(results: Results) -> str:
    """Show results as a page in Markdown, the first backend against all others.

    Parameters
    ----------
    results : Results
        What has been measured, with at least two backends for each case.

    Returns
    -------
    text : str
        The page.
    """
    names = dict.fromkeys(case.benchmark for case in results.cases)
    return rendered(
        "peers.markdown",
        ours=results.measurements[0].backend,
        circumstances=results.circumstances,
        commands=results.commands,
        versions=results.versions,
        verdicts=_verdicts(results),
        sections=[section(results, name) for name in names],
    )


def section(results: Results, name: str) -> Section:
    """Show the measurements of one network.

    Parameters
    ----------
    results : Results
        What has been measured.
    name : str
        Name of the network.

    Returns
    -------
    section : Section
        Its tables; backends that have not measured anything are in the remarks alone.
    """
    cases = sorted(
        (case for case in results.cases if case.benchmark == name),
        key=lambda case: (*reversed(case.size.values()), case.n_steps, case.mode),
    )
    found = [found for case in cases for found in results.of(case)]
    shown = list(dict.fromkeys(each.backend for each in found if each.warm))
    ours = found[0].backend
    sizes = dict.fromkeys(key for case in cases for key in case.size)
    given = {
        **{size: [case.size.get(size, "–") for case in cases] for size in sizes},
        "inputs": [case.batch_size for case in cases],
        "steps": [case.n_steps for case in cases],
        "passes": [PASSES.get(case.mode, case.mode) for case in cases],
    }
    varied = {key: values for key, values in given.items() if len(set(values)) > 1}

    def rows(
        value: Callable[[Measurement], float | None],
        written: Callable[[float | None], str],
        compared: Callable[[Measurement, Measurement], str],
    ) -> list[tuple[str, ...]]:
        return [
            (
                *(str(values[row]) for values in varied.values()),
                *_cells(results.of(case), shown, value, written, compared),
            )
            for row, case in enumerate(cases)
        ]

    return Section(
        name,
        ", ".join(f"{key}={given[key][0]}" for key in given if key not in varied),
        (*varied, f"best other / {ours}", *shown),
        rows(
            lambda each: each.typical,
            seconds,
            lambda best, first: str(ratio(best, first)),
        ),
        rows(
            lambda each: each.peak if each.warm else None,
            mebibytes,
            lambda best, first: times((best.peak or 0) / (first.peak or 1), digits=2),
        ),
        _remarks(found),
    )


def _cells(
    measurements: Sequence[Measurement],
    shown: Sequence[str],
    value: Callable[[Measurement], float | None],
    written: Callable[[float | None], str],
    compared: Callable[[Measurement, Measurement], str],
) -> list[str]:
    """Compare the first backend, and write a value of each, the lowest bold."""
    values = {each.backend: value(each) for each in measurements}
    lowest = min((known for known in values.values() if known), default=None)
    cells = []
    for label in shown:
        text = written(values.get(label))
        is_best = lowest is not None and values.get(label) == lowest
        cells.append(f"**{text}**" if is_best else text)
    first, best = measurements[0], best_other(measurements, value)
    return [compared(best, first) if best and value(first) else "–", *cells]


def best_other(
    measurements: Sequence[Measurement],
    value: Callable[[Measurement], float | None] = lambda each: each.typical,
) -> Measurement | None:
    """Return the best of all but the first.

    Parameters
    ----------
    measurements : sequence of Measurement
        All of a case.
    value : callable
        What is the better the lower it is; by default the median duration.

    Returns
    -------
    best : Measurement or None
        None if no other has a value.
    """
    known = [(value(each), each) for each in measurements[1:]]
    return min(
        ((number, each) for number, each in known if number),
        key=lambda pair: pair[0],
        default=(None, None),
    )[1]


def _remarks(found: Sequence[Measurement]) -> list[str]:
    """Say what backends have not, and what has failed in them."""
    remarks: dict[str, None] = {}
    for each in found:
        if each.error is None:
            continue
        if each.error.startswith(LACKING):
            remarks[each.error.removeprefix(LACKING) + "."] = None
        else:
            what = f"{each.backend} failed in {_described(each.case)}: {each.error}"
            remarks[what] = None
    return list(remarks)


def _verdicts(results: Results) -> dict[str, list[str]]:
    """Sort the cases by whether the first backend is faster than the best other one.

    Where the range of ratios holds one, it is neither faster nor slower.
    """
    verdicts: dict[str, list[str]] = {"faster": [], "even": [], "slower": []}
    for case in results.cases:
        first, *_ = measurements = results.of(case)
        best = best_other(measurements)
        compared = best and ratio(best, first)
        if not (best and compared):
            continue
        kind = (
            "faster" if compared.low > 1 else "slower" if compared.high < 1 else "even"
        )
        verdicts[kind].append(f"{_described(case)}: {compared}, {best.backend}")
    return verdicts


def _described(case: Case) -> str:
    return f"{sized(case)}, {case.n_steps} steps, {PASSES.get(case.mode, case.mode)}"
