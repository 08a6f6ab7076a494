"""What a user asks when a simulation is slow to build, slow to run, or diverges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.builder import Model
from nengo.builder.operator import Operator
from nengo.builder.signal import Signal
from nengo.exceptions import SimulationError

from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_optimizer import OperatorGraph, written_signals


class Objects:
    """Tells which object of the network an operator works for.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.
    graph : nengo_dl_optimizer.OperatorGraph
        Its operators, simplified or not.
    """

    def __init__(self, model: Model, graph: OperatorGraph) -> None:
        self._owners: dict[Signal, Any] = {}
        for obj, sigs in model.sig.items():
            for sig in sigs.values():
                if isinstance(sig, Signal):
                    self._owners.setdefault(graph.current(sig).base, obj)

    def owner(self, op: Operator) -> Any | None:
        """Return the object whose signals an operator writes, or else reads.

        Parameters
        ----------
        op : nengo.builder.Operator
            An operator of the graph.

        Returns
        -------
        obj : NengoObject or None
            None if the signals belong to no object.
        """
        for sig in [*written_signals(op), *op.reads]:
            if sig.base in self._owners:
                return self._owners[sig.base]
        return None

    def describe(self, op: Operator) -> str:
        """Name an operator, and the object that it works for.

        Parameters
        ----------
        op : nengo.builder.Operator
            An operator of the graph.

        Returns
        -------
        words : str
            For example ``"<Node 'feeder'> (SimPyFunc)"``.
        """
        owner = self.owner(op)
        return str(op) if owner is None else f"{owner} ({type(op).__name__})"


class FiniteCheck:
    """Stops a run at the first operator that computes a value that is not finite.

    Parameters
    ----------
    objects : Objects
        Names the operators.
    keep_error : callable
        Receives the error, since TensorFlow raises one of its own.
    """

    def __init__(
        self, objects: Objects, keep_error: Callable[[Exception], None]
    ) -> None:
        self.objects = objects
        self.keep_error = keep_error

    def __call__(
        self, group: Sequence[Operator], signals: SignalDict
    ) -> list[tf.Tensor]:
        """Check what a group of operators has written in a step.

        Parameters
        ----------
        group : list of nengo.builder.Operator
            The group, whose results are bound.
        signals : SignalDict
            Environment of the step.

        Returns
        -------
        checks : list of tf.Tensor
            Tensors that must be computed for the check to be made.
        """
        written = [
            (op, sig)
            for op in group
            for sig in written_signals(op)
            if np.issubdtype(signals[sig].dtype, np.floating)
        ]

        def check(step: Any, *values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
            for (op, sig), value in zip(written, values, strict=True):
                wrong = value[~np.isfinite(value)]
                if wrong.size:
                    error = SimulationError(
                        f"{self.objects.describe(op)} computed {wrong[0]} in step "
                        f"{step}: {wrong.size} of {value.size} values of {sig.name} "
                        "are not finite"
                    )
                    self.keep_error(error)
                    raise error
            return np.array(True)

        values = [signals.gather(signals[sig]) for _, sig in written]
        if not values:
            return []
        return [tf.numpy_function(check, [signals.step, *values], tf.bool)]


class Stages:
    """Measures how long the stages of a build take, each the first time only."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

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


@dataclass(frozen=True)
class Diagnosis:
    """What a simulation is like to build and to run; prints as a small report.

    Attributes
    ----------
    compiled : bool
        Whether the simulation loop is compiled with XLA.
    not_compilable : list of str
        The operators, and their objects, that keep it from being so.
    seconds : dict of {str: float}
        How long each stage of the build took, as far as it has been done: tracing and
        compilation belong to the first run.
    """

    compiled: bool
    not_compilable: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"compiled: {'yes' if self.compiled else 'no'}"]
        lines += [f"cannot be compiled: {words}" for words in self.not_compilable]
        lines += [f"{name}: {time:.2f} s" for name, time in self.seconds.items()]
        return "\n".join(lines)
