"""The command line ``nengo-dl-benchmarks``: commands that are chained.

``build`` chooses networks; the commands after it work on what has been chosen.
"""

from __future__ import annotations

from ast import literal_eval
from functools import partial
from typing import Any

import click
import nengo
from rich.console import Console
from rich.table import Table

from nengo_dl_benchmarks.backends import backends
from nengo_dl_benchmarks.suite import BENCHMARKS, Benchmark
from nengo_dl_benchmarks.timing import Timing, time_simulators

NEURON_TYPES = {
    neuron_type.__name__: neuron_type
    for neuron_type in (
        nengo.LIF,
        nengo.LIFRate,
        nengo.AdaptiveLIF,
        nengo.AdaptiveLIFRate,
        nengo.Izhikevich,
        nengo.RectifiedLinear,
        nengo.SpikingRectifiedLinear,
        nengo.Sigmoid,
        nengo.Tanh,
    )
}


@click.group(chain=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(context: click.Context) -> None:
    r"""Build benchmark networks, and time Nengo simulators on them.

    Commands follow one another: what `build` chooses, the next ones use.

    \b
    nengo-dl-benchmarks build --benchmark integrator --dimensions 64 compare
    """
    context.obj = []


def _literal(text: str) -> Any:
    """Read a Python literal; anything else is a string."""
    try:
        return literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def _arguments(
    _context: click.Context, _parameter: click.Parameter, pairs: tuple[str, ...]
) -> dict[str, Any]:
    """Split ``key=value`` pairs."""
    split = [pair.partition("=") for pair in pairs]
    for pair, (key, equals, _) in zip(pairs, split, strict=True):
        if not (key and equals):
            raise click.BadParameter(f"{pair!r} is not of the form key=value")
    return {key: _literal(value) for key, _, value in split}


@main.command()
@click.option(
    "--benchmark",
    "name",
    type=click.Choice(list(BENCHMARKS)),
    required=True,
    help="Name of the benchmark network.",
)
@click.option("--dimensions", type=click.IntRange(min=1), help="Number of dimensions.")
@click.option(
    "--neurons_per_d", type=click.IntRange(min=1), help="Neurons per dimension."
)
@click.option(
    "--neuron_type",
    type=click.Choice(list(NEURON_TYPES)),
    help="Nengo neuron type.",
)
@click.option(
    "--kwarg",
    "others",
    metavar="KEY=VALUE",
    multiple=True,
    callback=_arguments,
    help="Any other argument of the network; can be given several times.",
)
@click.pass_obj
def build(
    chosen: list[Benchmark],
    /,
    name: str,
    neuron_type: str | None,
    others: dict[str, Any],
    **size: int | None,
) -> None:
    """Choose a benchmark network, at its usual size or at another."""
    given: dict[str, Any] = {key: value for key, value in size.items() if value}
    if neuron_type:
        given["neuron_type"] = NEURON_TYPES[neuron_type]()
    try:
        chosen.append(BENCHMARKS[name].at(**given, **others))
    except TypeError as error:
        raise click.UsageError(str(error)) from error


@main.command()
@click.option(
    "--backend",
    "names",
    type=click.Choice(list(backends())),
    multiple=True,
    default=[name for name in ("reference", "dl") if name in backends()],
    show_default=True,
    help="Simulator to time, by the name under which it is installed; can be given "
    "several times, and the others are compared with the first.",
)
@click.option(
    "--n_steps",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Number of steps of each run.",
)
@click.option(
    "--reps",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Number of warm runs.",
)
@click.pass_obj
def compare(
    chosen: list[Benchmark], /, names: tuple[str, ...], n_steps: int, reps: int
) -> None:
    """Time simulators on the chosen networks, in turn (call after 'build')."""
    if not chosen:
        raise click.UsageError("choose a network first: build --benchmark NAME compare")
    simulators = {
        name: partial(backends()[name].load(), progress_bar=False) for name in names
    }
    console = Console()
    for benchmark in chosen:
        with console.status(f"{benchmark.name}: build") as status:
            timings = time_simulators(
                benchmark.build(), simulators, n_steps, reps, status.update
            )
        size = ", ".join(f"{key}={value}" for key, value in benchmark.size.items())
        console.print(f"{benchmark.name}({size}), {n_steps} steps a run:")
        console.print(_table(timings))


def _table(timings: dict[str, Timing]) -> Table:
    """Show what simulators took, each compared with the first."""
    table = Table("simulator")
    for column in ("build", "first run", "warm run", "speed"):
        table.add_column(column, justify="right")
    base = next(iter(timings.values())).typical
    for name, timing in timings.items():
        table.add_row(
            name,
            f"{timing.build:.2f} s",
            f"{timing.first:.2f} s",
            f"{1000 * timing.typical:.1f} ms",
            f"{base / timing.typical:.2f}x",
        )
    return table
