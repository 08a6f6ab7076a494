"""``compare``: time simulators on the chosen networks."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import click
from rich.console import Console

from nengo_dl_benchmarks.cli import options
from nengo_dl_benchmarks.cli.measuring import measured, show_errors
from nengo_dl_benchmarks.comparison import MODES, Backend, Case
from nengo_dl_benchmarks.report import page, table, title
from nengo_dl_benchmarks.results import write_whole
from nengo_dl_benchmarks.suite import BENCHMARKS, Benchmark


@click.command()
@options.network
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
    network: Benchmark | None,
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
    parentheses; a warm run is the median of those that follow the first, once all that
    can be compiled has been. The ratio is to the first simulator, with its range over
    runs that followed each other; '/ bound' is the ratio to the time in which this
    machine's memory and arithmetic could do the same; memory is the most that the
    process held.
    """
    results = options.begin(output)
    cases = [
        Case(benchmark.name, dict(benchmark.size), mode, batch_size, n_steps)
        for benchmark, mode, batch_size in product(
            options.with_own(chosen, network) or BENCHMARKS.values(), modes, batch_sizes
        )
    ]
    console = Console()
    named = [(case.benchmark, case) for case in cases]
    for _, case in measured(named, results, backends, reps, console):
        console.print(title(case), soft_wrap=True)
        console.print(table(results.of(case)))
        console.print()
        show_errors(console, results.of(case))
    if html is not None:
        write_whole(html, page(results, "html"))
