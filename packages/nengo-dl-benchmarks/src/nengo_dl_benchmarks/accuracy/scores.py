"""Accuracies in a file, in a table and on a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table

from nengo_dl_benchmarks.report import rendered, seconds
from nengo_dl_benchmarks.results import circumstances, command, write_whole


@dataclass(frozen=True)
class Score:
    """How well a network did, and what it took.

    Parameters
    ----------
    task : str
        Name of the task.
    network : str
        The network, in a few words.
    seed : int
        Seed of its first weights and of the order of the samples.
    figure : str
        What ``value`` is: ``"accuracy"``, from 0 to 1, or ``"sMAPE"``, in percent.
    value : float
        On what it was not trained with.
    n_steps : int
        Steps for a sample.
    seconds : float or None
        For the training, with the build and all compilation; None if it was not timed.
    dense_operations, effective_macs, effective_acs : float or None
        Synaptic operations for a sample (`nengo_dl_core.NetworkMetrics`).
    footprint : float or None
        Memory of parameters and state, in bytes (`nengo_dl_core.NetworkMetrics`).
    framework : str
        Who simulated and trained it.
    """

    task: str
    network: str
    seed: int
    figure: str
    value: float
    n_steps: int
    seconds: float | None
    dense_operations: float | None = None
    effective_macs: float | None = None
    effective_acs: float | None = None
    footprint: float | None = None
    framework: str = "NengoDL"


N_NAMES = 2  # columns that say which network it is: the first of each table
ACCURACY = ("task", "network", "accuracy", "seeds", "training")
OPERATIONS = ("task", "network", "steps", "MACs", "ACs", "dense", "bytes")
COUNTS = ("effective_macs", "effective_acs", "dense_operations", "footprint")

Row = tuple[str, ...]


class Scores:
    """Scores, and the circumstances in which they were made.

    Parameters
    ----------
    path : Path, optional
        JSON file in which they are kept; what it holds is replaced.
    append : bool
        Whether it is kept instead, if there is such a file, with its circumstances.
    """

    def __init__(self, path: Path | None = None, append: bool = False) -> None:
        self.path = path
        self.scores: list[Score] = []
        self.circumstances = circumstances()
        self.commands = [command()]
        if append and path is not None and path.exists():
            values = json.loads(path.read_text())
            self.scores = [Score(**score) for score in values["scores"]]
            self.circumstances = values["circumstances"]
            # A command that is given again goes on where it was stopped.
            self.commands = list(dict.fromkeys([*values["commands"], command()]))

    def has(self, task: str, network: str, framework: str, seed: int) -> bool:
        """Tell whether there is a score.

        Parameters
        ----------
        task, network, framework : str
            As in `Score`.
        seed : int
            As there.

        Returns
        -------
        has : bool
            Whether a score has all of these.
        """
        return any(
            (score.task, score.network, score.framework, score.seed)
            == (task, network, framework, seed)
            for score in self.scores
        )

    def put(self, score: Score) -> None:
        """Add a score, and write the file.

        Parameters
        ----------
        score : Score
            The score.
        """
        self.scores.append(score)
        if self.path is not None:
            values = {
                "circumstances": self.circumstances,
                "commands": self.commands,
                "scores": [asdict(score) for score in self.scores],
            }
            write_whole(self.path, json.dumps(values, indent=2) + "\n")

    @property
    def groups(self) -> list[list[Score]]:
        """Scores that differ by their seeds alone, those of a task together."""
        tasks = list(dict.fromkeys(score.task for score in self.scores))
        groups: dict[tuple[str, str, str], list[Score]] = {}
        for score in sorted(self.scores, key=lambda score: tasks.index(score.task)):
            key = (score.task, score.network, score.framework)
            groups.setdefault(key, []).append(score)
        return list(groups.values())

    @property
    def accuracies(self) -> list[Row]:
        """A row for each task, network and framework, for ``ACCURACY``."""
        return [(*_names(scores), *_accuracy(scores)) for scores in self.groups]

    @property
    def operations(self) -> list[Row]:
        """A row for each of them that was measured, for ``OPERATIONS``."""
        return [
            (*_names(scores), str(scores[0].n_steps), *_counts(scores))
            for scores in self.groups
            if scores[0].dense_operations is not None
        ]

    def table(self) -> Group:
        """Show the scores in a terminal.

        Returns
        -------
        tables : rich.console.Group
            With the means over seeds.
        """
        return Group(
            _table(ACCURACY, self.accuracies), _table(OPERATIONS, self.operations)
        )

    def page(self) -> str:
        """Show the scores as a page.

        Returns
        -------
        text : str
            The page, in Markdown.
        """
        return rendered(
            "accuracy.markdown",
            circumstances=self.circumstances,
            commands=self.commands,
            n_names=N_NAMES,
            accuracies=(ACCURACY, self.accuracies),
            operations=(OPERATIONS, self.operations),
        )


def _table(columns: Row, rows: Sequence[Row]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < N_NAMES else "right")
    for row in rows:
        table.add_row(*row)
    return table


def _names(scores: Sequence[Score]) -> Row:
    """Say which task and network it is."""
    first = scores[0]
    other = "" if first.framework == "NengoDL" else f", in {first.framework}"
    return first.task, f"{first.network}{other}"


def _accuracy(scores: Sequence[Score]) -> Row:
    """Write the mean of scores that differ by their seeds."""
    figure, values = scores[0].figure, [score.value for score in scores]
    if figure == "accuracy":
        figure, values = "", [100 * value for value in values]
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    timed = [score.seconds for score in scores if score.seconds is not None]
    return (
        f"{figure} {mean(values):.1f}{spread} %".lstrip(),
        str(len(scores)),
        seconds(mean(timed)) if timed else "–",
    )


def _counts(scores: Sequence[Score]) -> Row:
    """Write the means of what a sample takes."""
    return tuple(
        f"{mean(getattr(score, name) for score in scores):,.0f}" for name in COUNTS
    )
