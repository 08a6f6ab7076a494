"""``compare``: time simulators on the chosen networks."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from nengo_dl_benchmarks.cli import options
from nengo_dl_benchmarks.comparison import MODES, Backend, Case, measure
from nengo_dl_benchmarks.report import page, table, title
from nengo_dl_benchmarks.results import Results, write_whole
from nengo_dl_benchmarks.suite import BENCHMARKS, Benchmark


@click.command()
@options.backends
@click.option(
    "--mode",
    "modes",
    type=click.Choice(MODES),
    multiple=True,
    default=["run"],
    show_default=True,
    help="What to time; can be given several times.",
)
@options.batch_sizes
@options.n_steps
@options.reps
@options.output
@options.html
@click.pass_obj
def compare(
    chosen: list[Benchmark],
    /,
    backends: tuple[Backend, ...],
    modes: tuple[str, ...],
    batch_sizes: tuple[int, ...],
    n_steps: int,
    reps: int,
    output: Path | None,
    html: Path | None,
) -> None:
    """Time simulators on the chosen networks.

    The simulators take turns, each in a process of its own. Without 'build' before it,
    all networks are compared, at their usual sizes.

    In the tables, the build is followed by what it took beyond Nengo's own, in
    parentheses; a warm run is the median of those that follow the first. The ratio is
    to the first simulator, with its range over runs that followed each other; '/ bound'
    is the ratio to the time in which this machine's memory and arithmetic could do the
    same; memory is the most that the process held.
    """
    results = options.begin(output)
    cases = [
        Case(benchmark.name, dict(benchmark.size), mode, batch_size, n_steps)
        for benchmark, mode, batch_size in product(
            chosen or BENCHMARKS.values(), modes, batch_sizes
        )
    ]
    with Progress(transient=True) as progress:
        task = progress.add_task("", total=len(cases))
        for case in cases:

            def report(doing: str, name: str = case.benchmark) -> None:
                progress.update(task, description=f"{name}, {doing}")

            if results.lack(case, backends):
                results.put(measure(case, backends, reps, report))
            progress.advance(task)
            _show(progress.console, case, results)
    if html is not None:
        write_whole(html, page(results, "html"))


def _show(console: Console, case: Case, results: Results) -> None:
    measurements = results.of(case)
    console.print(title(case), soft_wrap=True)
    console.print(table(measurements))
    console.print()
    for found in measurements:
        if found.error:
            console.print(f"[red]{found.backend}[/]: {found.error}", highlight=False)
