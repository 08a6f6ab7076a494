"""``build``: choose a network."""

from __future__ import annotations

from ast import literal_eval
from typing import Any

import click

from nengo_dl_benchmarks.cli import options
from nengo_dl_benchmarks.suite import BENCHMARKS, NEURON_TYPES, Benchmark


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
    arguments = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise click.BadParameter(f"{pair!r} is not of the form key=value")
        arguments[key] = _literal(value)
    return arguments


@click.command()
@click.option(
    "--benchmark",
    "name",
    type=click.Choice(list(BENCHMARKS)),
    metavar="NAME",
    help=f"Name of the benchmark network: {', '.join(BENCHMARKS)}.",
)
@options.network
@click.option("--dimensions", type=click.IntRange(min=1), help="Number of dimensions.")
@click.option(
    "--neurons_per_d", type=click.IntRange(min=1), help="Neurons per dimension."
)
@click.option(
    "--neuron_type",
    type=click.Choice(list(NEURON_TYPES)),
    metavar="NAME",
    help=f"Neuron type of Nengo or of NengoDL: {', '.join(NEURON_TYPES)}.",
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
    name: str | None,
    network: Benchmark | None,
    others: dict[str, Any],
    **size: Any,
) -> Benchmark:
    """Choose a benchmark network, or one of your own.

    What is not given is as in the usual size of the network. The command can be
    repeated, to choose several.
    """
    given = {key: value for key, value in size.items() if value is not None}
    for key in given.keys() & others:
        raise click.UsageError(f"give {key} once: --{key} or --kwarg {key}=")
    if (name is None) == (network is None):
        raise click.UsageError(
            "give one of --benchmark NAME, --network MODULE:FUNCTION"
        )
    try:
        benchmark = (network or BENCHMARKS[str(name)]).at(**given, **others)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    chosen.append(benchmark)
    return benchmark
