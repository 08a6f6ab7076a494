"""What a user asks when a simulation is slow to build or slow to run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from nengo_dl_core.progress import NullProgressBar, ProgressBar


class Stages:
    """Measures how long the stages of a build take, each the first time only."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._bar: ProgressBar = NullProgressBar()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Measure a stage.

        Parameters
        ----------
        name : str
            Name of the stage.
        """
        start = perf_counter()
        yield
        self.seconds.setdefault(name, perf_counter() - start)

    @contextmanager
    def shown(self, name: str) -> Iterator[None]:
        """Measure a stage, and show its name if it takes long.

        Parameters
        ----------
        name : str
            Name of the stage.
        """
        if name in self.seconds:
            yield
            return
        with self._bar.part(name), self(name):
            yield

    @contextmanager
    def shown_on(self, bar: ProgressBar) -> Iterator[None]:
        """Choose what stages are shown on.

        Parameters
        ----------
        bar : ProgressBar
            The bar of the task that they belong to.
        """
        self._bar = bar
        try:
            yield
        finally:
            self._bar = NullProgressBar()


@dataclass(frozen=True)
class Diagnosis:
    """What a simulation is like to build and to run; prints as a small report.

    Attributes
    ----------
    compiled : bool
        Whether the simulation loop is compiled with XLA.
    not_compilable : list of str
        The operators, and their objects, that keep it from being so.
    steps_in_numpy : float
        How many steps NumPy runs, of all that are asked for, before TensorFlow's loop
        does; infinite for what calls Python in every step.
    seconds : dict of {str: float}
        How long each stage of the build took, as far as it has been done: tracing and
        compilation belong to the first run.
    """

    compiled: bool
    not_compilable: list[str] = field(default_factory=list)
    steps_in_numpy: float = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"compiled: {'yes' if self.compiled else 'no'}"]
        if self.steps_in_numpy:
            lines.append(f"steps in NumPy, before that: {self.steps_in_numpy:.0f}")
        lines += [f"cannot be compiled: {words}" for words in self.not_compilable]
        lines += [f"{name}: {time:.2f} s" for name, time in self.seconds.items()]
        return "\n".join(lines)
