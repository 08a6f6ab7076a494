"""``plan``: what the optimizer makes of a network."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from nengo_dl_benchmarks import planning
from nengo_dl_benchmarks.cli import options
from nengo_dl_benchmarks.report import seconds
from nengo_dl_benchmarks.suite import Benchmark
from nengo_dl_optimizer import default_simplifications, simplify


@click.command()
@click.option(
    "--planner",
    "planners",
    type=click.Choice(list(planning.PLANNERS)),
    multiple=True,
    default=list(planning.PLANNERS),
    help="Planner to try; can be given several times.  [default: all]",
)
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Picture of what groups do to blocks, as planned and sorted last, in a format "
    "that its name tells (.png, .svg, .pdf).",
)
@click.pass_obj
def plan(
    chosen: list[Benchmark], /, planners: tuple[str, ...], picture: Path | None
) -> None:
    """Show what the optimizer makes of the chosen network.

    Each simplification is applied once and timed; then each planner and each sorter is
    tried on what is left when nothing can be simplified any more. Call it after
    'build'.
    """
    benchmark = options.only(chosen)
    console = Console()
    with console.status(f"build {benchmark}") as status:
        graph = planning.operator_graph(options.built(benchmark))
        status.update("simplify")
        simplified = planning.try_simplifications(graph, default_simplifications)
        graph_left = simplify(graph, default_simplifications)
        tried = []
        for planner, sorter in product(planners, planning.SORTERS):
            status.update(f"{planner}, {sorter}")
            tried.append(planning.try_plan(graph_left, planner, sorter))
    console.print(f"{benchmark}: {len(graph)} operators", soft_wrap=True)
    console.print(_simplifications(simplified, len(graph), len(graph_left)))
    console.print(_plans(tried))
    if picture is not None:
        planning.picture(tried[-1].optimized).savefig(picture)


def _simplifications(
    results: list[planning.Simplified], before: int, after: int
) -> Table:
    table = Table("simplification")
    for column in ("time", "operators removed", "left"):
        table.add_column(column, justify="right")
    total = before
    for result in results:
        table.add_row(
            result.name,
            seconds(result.seconds),
            str(before - result.operators),
            str(result.operators),
        )
        before = result.operators
    table.add_section()
    table.add_row("all, until none helps", "", str(total - after), str(after))
    return table


def _plans(tried: list[planning.Planned]) -> Table:
    table = Table("planner")
    for column in ("time", "groups"):
        table.add_column(column, justify="right")
    table.add_column("sorter")
    for column in ("time", "blocks", "in one piece"):
        table.add_column(column, justify="right")
    for found in tried:
        summary = found.optimized.summary
        table.add_row(
            found.planner.removesuffix("_planner"),
            seconds(found.seconds["planning"]),
            str(summary.groups),
            found.sorter.removesuffix("_signals"),
            seconds(found.seconds["sorting"]),
            str(summary.blocks),
            f"{summary.contiguous:.0%}",
        )
    return table
