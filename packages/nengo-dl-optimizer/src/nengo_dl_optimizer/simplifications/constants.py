"""What is known about the values of signals before anything runs."""

from __future__ import annotations

import numpy as np
from nengo.builder.operator import Operator, Reset
from nengo.builder.signal import Signal

from ..extents import is_whole
from ..graph import OperatorGraph
from ..sparsity import sparse_entries


def is_constant(graph: OperatorGraph, signal: Signal) -> bool:
    """Whether a signal has its initial value whenever it is read.

    It has if no operator writes it, it is not trained offline (or could be), and
    nothing outside of the graph writes it.
    """
    return graph.fact(signal).constant and not graph.is_written(signal)


def only_reset(graph: OperatorGraph, signal: Signal) -> Reset | None:
    """Return the `Reset` that alone determines a signal's value, if there is one."""
    base = signal.base
    setters: tuple[Operator, ...] = graph.sets.get(base, ())
    if (
        len(setters) == 1
        and type(setters[0]) is Reset
        and is_whole(setters[0].dst)
        and base not in graph.incs
        and base not in graph.updates
        and graph.fact(base).constant
    ):
        return setters[0]
    return None


def is_always(graph: OperatorGraph, signal: Signal, value: float) -> bool:
    """Whether all of a signal's elements have a value whenever the signal is read."""
    reset = only_reset(graph, signal)
    if reset is not None:
        return bool(reset.value == value)
    if not is_constant(graph, signal):
        return False
    if signal.sparse:
        return value == 0 and not sparse_entries(signal)[1].any()
    return bool(np.all(signal.initial_value == value))
