"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import nengo
from click.core import ParameterSource

from nengo_dl_benchmarks.comparison import Backend
from nengo_dl_benchmarks.peers import MODULES
from nengo_dl_benchmarks.results import Results
from nengo_dl_benchmarks.suite import Benchmark, find

INSTALLED = sorted(entry_points(group="nengo.backends").names)


class _ReadType(click.ParamType):  # type: ignore[type-arg]  # old clicks
    """What is read from a word by a function that raises ValueErrors."""

    def __init__(self, name: str, kind: type, read: Callable[[str], Any]) -> None:
        self.name = name
        self._kind, self._read = kind, read

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Read it; a default may have been read already."""
        if isinstance(value, self._kind):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _check_labels(
    _context: click.Context, _parameter: click.Parameter, backends: tuple[Backend, ...]
) -> tuple[Backend, ...]:
    labels = [backend.label for backend in backends]
    if len(set(labels)) < len(labels):
        raise click.BadParameter(f"two simulators have one label: {', '.join(labels)}")
    return backends


def positive(
    *names: str, default: int | list[int], help: str, multiple: bool = False
) -> Any:
    """Make an option for a number from one on.

    Parameters
    ----------
    *names, default, help, multiple
        As for `click.option`.

    Returns
    -------
    decorator : callable
        Gives the option to a command.
    """
    return click.option(
        *names,
        type=click.IntRange(min=1),
        metavar="INTEGER",
        default=default,
        show_default=True,
        multiple=multiple,
        help=help,
    )


network = click.option(
    "--network",
    type=_ReadType("network", Benchmark, find),
    metavar="MODULE:FUNCTION",
    help="A network of your own: what this function returns. The module is looked for "
    "in the present folder too.",
)
backends = click.option(
    "--backend",
    "backends",
    type=_ReadType("backend", Backend, Backend.parse),
    metavar="[LABEL=]NAME[@PYTHON]",
    multiple=True,
    callback=_check_labels,
    default=[name for name in ("dl", "reference") if name in INSTALLED],
    show_default=True,
    help="Simulator, by its name in the group nengo.backends; of another environment, "
    "whose interpreter is PYTHON; called LABEL in the results. Can be given several "
    f"times; the others are compared with the first. Here: {', '.join(INSTALLED)}. Or "
    f"another framework, for some networks: {', '.join(MODULES)}.",
)
output = click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="JSON file for the results. What is in it already is not measured again.",
)
html = click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="HTML page for the results.",
)
n_steps = positive("--n_steps", default=1000, help="Number of steps of each run.")
reps = positive("--reps", default=5, help="Number of warm runs of each simulator.")
batch_sizes = positive(
    "--batch_size",
    "batch_sizes",
    default=[1],
    multiple=True,
    help="Number of inputs; can be given several times.",
)


def begin(output: Path | None) -> Results:
    """Open the file of results that measurements are to be added to.

    Parameters
    ----------
    output : Path or None
        The file, if there is to be one.

    Returns
    -------
    results : Results
        What is in it already.

    Raises
    ------
    click.UsageError
        If it holds something else, or the results of another machine.
    """
    try:
        results = Results(output)
        results.begin()
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return results


def with_own(chosen: list[Benchmark], network: Benchmark | None) -> list[Benchmark]:
    """Return the networks that a command works on.

    Parameters
    ----------
    chosen : list of Benchmark
        What the commands before it have chosen.
    network : Benchmark or None
        The command's own ``--network``.

    Returns
    -------
    benchmarks : list of Benchmark
        All of them.
    """
    return chosen if network is None else [*chosen, network]


def only(chosen: list[Benchmark], network: Benchmark | None) -> Benchmark:
    """Return the one network that a command works on.

    Parameters
    ----------
    chosen : list of Benchmark
        What the commands before it have chosen.
    network : Benchmark or None
        The command's own ``--network``.

    Returns
    -------
    benchmark : Benchmark
        The network.

    Raises
    ------
    click.UsageError
        If there is none, or several.
    """
    benchmarks = with_own(chosen, network)
    if len(benchmarks) != 1:
        raise click.UsageError(
            "choose one network: build --benchmark NAME before it, or --network "
            "MODULE:FUNCTION"
        )
    return benchmarks[0]


def built(benchmark: Benchmark) -> nengo.Network:
    """Build a network.

    Parameters
    ----------
    benchmark : Benchmark
        Which one.

    Returns
    -------
    net : nengo.Network
        The network.

    Raises
    ------
    click.ClickException
        If it cannot be built: something is not installed, or sizes do not fit.
    """
    try:
        return benchmark.build()
    except (ImportError, TypeError, ValueError) as error:
        raise click.ClickException(f"{benchmark}: {error}") from error


def refuse(context: click.Context, option: str, reason: str) -> None:
    """Refuse an option that contradicts another one.

    Parameters
    ----------
    context : click.Context
        The command.
    option : str
        Name of the option.
    reason : str
        Why it cannot be given.

    Raises
    ------
    click.UsageError
        If the option has been given.
    """
    if context.get_parameter_source(option) is not ParameterSource.DEFAULT:
        raise click.UsageError(f"leave --{option} out: {reason}")
