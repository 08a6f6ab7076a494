"""``scale``: what a network costs against one of its sizes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from nengo_dl_benchmarks.cli import options
from nengo_dl_benchmarks.cli.measuring import measured, show_errors
from nengo_dl_benchmarks.comparison import Backend, Case
from nengo_dl_benchmarks.report import mebibytes, seconds
from nengo_dl_benchmarks.scaling import COSTS, Scaling, curves
from nengo_dl_benchmarks.scaling import plot as plot_scalings
from nengo_dl_benchmarks.suite import Benchmark

OF_A_RUN = ("n_steps", "batch_size")


@click.command()
@options.network
@click.option(
    "--over",
    "argument",
    metavar="NAME",
    required=True,
    help="What is varied: an argument of the network, for example dimensions, or "
    f"{' or '.join(OF_A_RUN)}.",
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
@click.option(
    "--cost",
    "costs",
    type=click.Choice(list(COSTS)),
    multiple=True,
    default=list(COSTS),
    help="What to show; can be given several times. Memory is what building and "
    "running added to the process.  [default: all]",
)
@options.backends
@options.n_steps
@options.positive("--batch_size", default=1, help="Number of inputs.")
@options.reps
@options.output
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Picture of the result, in a format that its name tells (.png, .svg, .pdf).",
)
@click.pass_context
def scale(
    context: click.Context,
    /,
    network: Benchmark | None,
    argument: str,
    values: tuple[int, ...],
    costs: tuple[str, ...],
    backends: tuple[Backend, ...],
    n_steps: int,
    batch_size: int,
    reps: int,
    output: Path | None,
    plot: Path | None,
) -> None:
    """Measure the chosen network at several sizes.

    The exponent says how a cost grows: 1 if twice the size costs twice as much, 0 if it
    costs no more; "at the end", from the last but one size to the last. Call it after
    'build'.
    """
    benchmark = options.only(context.obj, network)
    if len(set(values)) < 2:
        raise click.UsageError("give at least two values: --value 10 --value 100")
    if argument in OF_A_RUN:
        options.refuse(context, argument, "it is what is varied")
    try:
        cases = {
            value: _case(benchmark, argument, value, n_steps, batch_size)
            for value in sorted(set(values))
        }
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    results = options.begin(output)
    console = Console()
    named = [(f"{argument}={value}", case) for value, case in cases.items()]
    for name, case in measured(named, results, backends, reps, console):
        show_errors(console, results.of(case), before=f"{name}, ")
    found = {value: results.of(case) for value, case in cases.items()}
    scalings = [Scaling(argument, cost, curves(found, cost)) for cost in costs]
    for scaling in scalings:
        console.print(_table(scaling))
    if plot is not None:
        plot_scalings(scalings, _title(benchmark, argument, n_steps)).savefig(plot)


def _case(
    benchmark: Benchmark, argument: str, value: int, n_steps: int, batch_size: int
) -> Case:
    case = Case(
        benchmark.name, dict(benchmark.size), batch_size=batch_size, n_steps=n_steps
    )
    given: dict[str, Any] = {argument: value}
    if argument in OF_A_RUN:
        return replace(case, **given)
    return replace(case, size=dict(benchmark.at(**given).size))


def _title(benchmark: Benchmark, argument: str, n_steps: int) -> str:
    size = {name: size for name, size in benchmark.size.items() if name != argument}
    steps = "" if argument == "n_steps" else f", {n_steps} steps"
    return f"{replace(benchmark, size=size)}{steps}"


def _table(scaling: Scaling) -> Table:
    table = Table(
        scaling.argument, title=scaling.cost.replace("-", " "), title_justify="left"
    )
    for label in scaling.curves:
        table.add_column(label, justify="right")
    for value in scaling.values:
        row = (curve.get(value) for curve in scaling.curves.values())
        table.add_row(str(value), *(_amount(scaling.cost, cost) for cost in row))
    table.add_section()
    for name, last in (("exponent", None), ("at the end", 2)):
        exponents = (scaling.exponent(label, last) for label in scaling.curves)
        table.add_row(name, *("–" if e is None else f"{e:.2f}" for e in exponents))
    return table


def _amount(cost: str, value: float | None) -> str:
    if COSTS[cost] == "s":
        return seconds(value)
    return mebibytes(value)
