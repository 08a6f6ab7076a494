"""``plan``: what the optimizer makes of a network."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from nengo_dl_benchmarks import planning
from nengo_dl_benchmarks.cli import options
from nengo_dl_benchmarks.suite import Benchmark


@click.command()
@options.network
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
    chosen: list[Benchmark],
    /,
    network: Benchmark | None,
    planners: tuple[str, ...],
    picture: Path | None,
) -> None:
    """Show what the optimizer makes of the chosen network.

    Each simplification is applied once and timed; then each planner and each sorter is
    tried on what is left when nothing can be simplified any more. Call it after
    'build'.
    """
    benchmark = options.only(chosen, network)
    console = Console()
    with console.status(f"build {benchmark}") as status:
        net = options.built(benchmark)
        plans = planning.try_plans(net, planners, status.update)
    console.print(f"{benchmark}: {plans.operators} operators", soft_wrap=True)
    for table in plans.tables():
        console.print(table)
    if picture is not None:
        plans.plot().savefig(picture)
