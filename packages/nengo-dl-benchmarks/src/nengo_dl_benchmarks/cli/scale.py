"""``scale``: what a network costs against one of its sizes."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from nengo_dl_benchmarks.cli import options
from nengo_dl_benchmarks.comparison import Backend, Case, measure
from nengo_dl_benchmarks.report import seconds
from nengo_dl_benchmarks.scaling import Scaling
from nengo_dl_benchmarks.suite import Benchmark


@click.command()
@click.option(
    "--over",
    "argument",
    metavar="NAME",
    required=True,
    help="Argument of the network that is varied, for example dimensions.",
)
@click.option(
    "--value",
    "values",
    type=click.IntRange(min=1),
    metavar="INTEGER",
    multiple=True,
    required=True,
    help="A value of it; give at least two.",
)
@options.backends
@options.n_steps
@options.reps
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Picture of the result, in a format that its name tells (.png, .svg, .pdf).",
)
@click.pass_obj
def scale(
    chosen: list[Benchmark],
    /,
    argument: str,
    values: tuple[int, ...],
    backends: tuple[Backend, ...],
    n_steps: int,
    reps: int,
    plot: Path | None,
) -> None:
    """Time the chosen network at several sizes.

    The exponent says how the duration of a run grows: 1 if twice the size takes twice
    as long, 0 if it takes no longer. Call it after 'build'.
    """
    if len(chosen) != 1:
        raise click.UsageError("choose one network before it: build --benchmark NAME")
    if len(set(values)) < 2:
        raise click.UsageError("give at least two values: --value 10 --value 100")
    (benchmark,) = chosen
    try:
        sizes = {value: benchmark.at(**{argument: value}).size for value in values}
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    durations: dict[str, dict[int, float]] = {found.label: {} for found in backends}
    console = Console()
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("", total=len(sizes))
        for value, size in sizes.items():
            name = f"{argument}={value}"
            case = Case(benchmark.name, dict(size), n_steps=n_steps)

            def report(doing: str, name: str = name) -> None:
                progress.update(task, description=f"{name}, {doing}")

            for found in measure(case, backends, reps, report):
                if found.typical is None:
                    console.print(f"[red]{name}, {found.backend}[/]: {found.error}")
                else:
                    durations[found.backend][value] = found.typical
            progress.advance(task)
    scaling = Scaling(argument, durations)
    console.print(_table(scaling))
    if plot is not None:
        scaling.plot(f"{benchmark.name}, {n_steps} steps").savefig(plot)


def _table(scaling: Scaling) -> Table:
    table = Table(scaling.argument)
    for label in scaling.durations:
        table.add_column(label, justify="right")
    for value in scaling.values:
        row = (found.get(value) for found in scaling.durations.values())
        table.add_row(str(value), *map(seconds, row))
    table.add_section()
    exponents = (scaling.exponent(label) for label in scaling.durations)
    table.add_row("exponent", *("–" if e is None else f"{e:.2f}" for e in exponents))
    return table
