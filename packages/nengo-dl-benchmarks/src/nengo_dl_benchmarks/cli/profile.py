"""``profile``: where the time of a network goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from nengo.exceptions import NengoException
from rich.console import Console
from rich.table import Table

from nengo_dl_benchmarks.cli import options
from nengo_dl_benchmarks.profiling import Profile
from nengo_dl_benchmarks.profiling import profile as profile_network
from nengo_dl_benchmarks.report import seconds
from nengo_dl_benchmarks.suite import Benchmark


@click.command()
@options.network
@click.option(
    "--train/--no-train",
    default=False,
    show_default=True,
    help="Whether to profile training, as opposed to running.",
)
@options.positive("--n_steps", default=150, help="Number of steps of the simulation.")
@options.positive("--batch_size", default=1, help="Number of inputs to the network.")
@click.option("--device", help="TensorFlow device to simulate on, for example /gpu:0.")
@options.positive("--unroll", default=1, help="Number of steps in a round of the loop.")
@options.positive("--reps", default=1, help="Number of runs; the shortest one counts.")
@click.option(
    "--time-only", is_flag=True, help="Only take the total time, without a profile."
)
@click.option(
    "--logdir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("profiles"),
    show_default=True,
    help="Folder for TensorFlow's profile, which TensorBoard opens if it has "
    "tensorboard and tensorboard-plugin-profile.",
)
@click.pass_context
def profile(
    context: click.Context,
    /,
    network: Benchmark | None,
    unroll: int,
    batch_size: int,
    time_only: bool,
    logdir: Path,
    **settings: Any,
) -> None:
    """Profile NengoDL on the chosen networks (call after 'build').

    The table shows the time by groups of operators that are computed together, and in
    training what their gradients take. 'For example' is one of the objects that a group
    belongs to.
    """
    chosen = options.with_own(context.obj, network)
    if not chosen:
        raise click.UsageError(
            "choose a network: build --benchmark NAME before it, or --network "
            "MODULE:FUNCTION"
        )
    if time_only:
        options.refuse(context, "logdir", "--time-only writes no profile")
    console = Console()
    for benchmark in chosen:
        net = options.built(benchmark)
        try:
            with console.status(str(benchmark)):
                found = profile_network(
                    net,
                    logdir=None
                    if time_only
                    else logdir / benchmark.name.replace(":", "."),
                    minibatch_size=batch_size,
                    unroll_simulation=unroll,
                    **settings,
                )
        except NengoException as error:
            raise click.ClickException(f"{benchmark}: {error}") from error
        console.print(f"{benchmark}: {seconds(found.seconds)}", soft_wrap=True)
        if found.groups:
            console.print(_table(found, settings["train"]))
    if not time_only:
        console.print(
            f"For more: tensorboard --logdir {logdir}, "
            "after pip install tensorboard tensorboard-plugin-profile",
            soft_wrap=True,
        )


def _table(found: Profile, train: bool) -> Table:
    """Show the groups of operators that take time of their own."""
    table = Table(caption="What is not listed is fused with what is.", expand=True)
    table.add_column("operators", no_wrap=True, min_width=14)
    table.add_column("number", justify="right", no_wrap=True, min_width=6)
    table.add_column("for example", overflow="ellipsis", no_wrap=True, ratio=1)
    durations = ("forward", "gradient") if train else ("time",)
    for column in (*durations, "share"):
        table.add_column(column, justify="right", no_wrap=True, min_width=5)
    total = sum(group.seconds for group in found.groups)
    # Groups that are computed at the same time, by several cores, may sum up to more.
    whole = max(total, found.profiled)
    for group in found.groups:
        if group.seconds > 0:
            taken = (group.forward, group.gradient)[: len(durations)]
            share = f"{group.seconds / whole:.0%}"
            table.add_row(
                group.operators,
                str(group.number),
                group.example,
                *(seconds(value or None) for value in taken),
                share,
            )
    table.add_section()
    others = "loop, inputs, outputs" + (", Keras" if train else "")
    rest = seconds(whole - total)
    share = f"{1 - total / whole:.0%}"
    table.add_row("all else", "", others, *[rest, ""][: len(durations)], share)
    return table
