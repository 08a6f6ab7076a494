"""Accuracies in a file, in a table and on a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev

from rich.box import SIMPLE_HEAD
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
    seconds : float
        For the training, with the build and all compilation.
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
    seconds: float
    dense_operations: float | None = None
    effective_macs: float | None = None
    effective_acs: float | None = None
    footprint: float | None = None
    framework: str = "NengoDL"


COLUMNS = (
    "task",
    "network",
    "framework",
    "accuracy",
    "seeds",
    "steps",
    "MACs",
    "ACs",
    "dense",
    "bytes",
    "training",
)

COUNTS = ("effective_macs", "effective_acs", "dense_operations", "footprint")


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
            self.commands = [*values["commands"], command()]

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
    def rows(self) -> list[tuple[str, ...]]:
        """A row of cells for each task, network and framework, for ``COLUMNS``."""
        groups: dict[tuple[str, str, str], list[Score]] = {}
        for score in self.scores:
            key = (score.task, score.network, score.framework)
            groups.setdefault(key, []).append(score)
        return [(*key, *_cells(scores)) for key, scores in groups.items()]

    def table(self) -> Table:
        """Show the scores in a terminal.

        Returns
        -------
        table : rich.table.Table
            With the means over seeds.
        """
        table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
        for number, column in enumerate(COLUMNS):
            table.add_column(column, justify="left" if number < 3 else "right")
        for row in self.rows:
            table.add_row(*row)
        return table

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
            columns=COLUMNS,
            rows=self.rows,
        )


def _cells(scores: Sequence[Score]) -> tuple[str, ...]:
    """Write the mean of scores that differ by their seeds."""
    first = scores[0]
    values = [score.value for score in scores]
    if first.figure == "accuracy":
        values = [100 * value for value in values]
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    name = "" if first.figure == "accuracy" else f"{first.figure} "
    return (
        f"{name}{mean(values):.1f}{spread} %",
        str(len(scores)),
        str(first.n_steps),
        *(_count([getattr(score, name) for score in scores]) for name in COUNTS),
        seconds(mean(score.seconds for score in scores)),
    )


def _count(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{mean(known):,.0f}" if known else "–"
