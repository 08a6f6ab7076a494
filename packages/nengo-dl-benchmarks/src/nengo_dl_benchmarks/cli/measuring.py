"""Measuring, as the commands that time simulators do it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from nengo_dl_benchmarks.comparison import Backend, Case, Measurement, measure
from nengo_dl_benchmarks.results import Results


def measured(
    cases: Sequence[tuple[str, Case]],
    results: Results,
    backends: Sequence[Backend],
    reps: int,
    console: Console,
) -> Iterator[tuple[str, Case]]:
    """Measure what results lack, and tell of it while it is done.

    Parameters
    ----------
    cases : sequence of (str, Case)
        The cases, and what they are called meanwhile.
    results : Results
        Where measurements are put.
    backends : sequence of Backend
        The simulators.
    reps : int
        Number of warm runs of each.
    console : rich.console.Console
        Shows the progress.

    Yields
    ------
    name, case : str, Case
        Each of the cases, as soon as its results are there.
    """
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("", total=len(cases))
        for name, case in cases:

            def report(doing: str, name: str = name) -> None:
                progress.update(task, description=f"{name}, {doing}")

            if results.lack(case, backends):
                results.put(measure(case, backends, reps, report))
            progress.advance(task)
            yield name, case


def show_errors(
    console: Console, measurements: Sequence[Measurement], before: str = ""
) -> None:
    """Say which simulators failed, and why.

    Parameters
    ----------
    console : rich.console.Console
        Shows it.
    measurements : sequence of Measurement
        What has been measured.
    before : str
        What to put before the name of the simulator.
    """
    for found in measurements:
        if found.error:
            simulator = (before + found.backend, "red")
            console.print(Text.assemble(simulator, f": {found.error}"))
