"""The command line ``nengo-dl-benchmarks``: commands that are chained."""

from __future__ import annotations

from typing import Any

import click

from nengo_dl_benchmarks.cli.accuracy import accuracy
from nengo_dl_benchmarks.cli.build import build
from nengo_dl_benchmarks.cli.classify import classify
from nengo_dl_benchmarks.cli.compare import compare
from nengo_dl_benchmarks.cli.plan import plan
from nengo_dl_benchmarks.cli.profile import profile
from nengo_dl_benchmarks.cli.report import report
from nengo_dl_benchmarks.cli.scale import scale


@click.group(
    chain=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: nengo-dl-benchmarks build --benchmark integrator compare",
)
@click.pass_context
def main(context: click.Context) -> None:
    """Build benchmark networks, and time Nengo simulators on them.

    Commands follow one another: what 'build' chooses, the next ones use.
    """
    context.obj = []


@main.result_callback()
@click.pass_context
def _check_use(context: click.Context, chosen: list[Any]) -> None:
    """Refuse a network that no command follows."""
    if chosen[-1] is not None:
        raise click.UsageError(
            f"{chosen[-1]} is chosen, and then? Let compare, scale, profile or plan "
            "follow"
        )


for command in (build, profile, compare, scale, report, plan, classify, accuracy):
    main.add_command(command)
