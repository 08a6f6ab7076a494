"""Signals whose value follows from constants alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from nengo.builder.operator import Operator
from nengo.builder.signal import Signal, SignalDict
from numpy.typing import NDArray

from ..graph import OperatorGraph
from ..rewriting import substitute
from .constants import is_constant
from .effects import is_stateless


def fold_constants(operators: Sequence[Operator]) -> OperatorGraph:
    """Compute in advance what is computed from constants alone.

    If all operators that set and increment a signal read nothing but constants, then a
    signal whose initial value is the computed one can take its place: a constant node's
    output times the transform of its connection, for example.

    Parameters
    ----------
    operators : sequence of Operator
        Operators in the model.

    Returns
    -------
    new_operators : OperatorGraph
        The operators without such computations; ``replaced`` names the new signals.
    """
    graph = OperatorGraph.of(operators)
    computable = _computable(graph)
    if not computable:
        return graph
    replaced = {
        base: Signal(value, name=base.name, readonly=True)
        for base, value in _compute(graph, computable).items()
        if not np.isnan(value).any()  # which signals cannot have as initial value
    }
    kept = (
        op for op in graph if not any(s.base in replaced for s in (*op.sets, *op.incs))
    )
    return graph.with_operators(substitute(kept, replaced), replaced)


def _computable(graph: OperatorGraph) -> list[Signal]:
    """Return the signals that follow from constants, each after those it follows from.

    Each operator waits for the signals that it reads, and each signal for the operators
    that write it; what is left waiting for nothing, is computable.
    """
    ready: list[Signal] = []
    waiting = {
        base: len((*graph.sets[base], *graph.incs.get(base, ())))
        for base in graph.sets
        if base not in graph.updates
        and base not in graph.persistent
        and graph.fact(base).constant
    }
    inputs_left: dict[Operator, int] = {}

    def finish(op: Operator) -> None:
        for base in dict.fromkeys(s.base for s in (*op.sets, *op.incs)):
            if base in waiting:
                waiting[base] -= 1
                if waiting[base] == 0:
                    ready.append(base)

    for op in graph:
        if is_stateless(op):
            bases = dict.fromkeys(signal.base for signal in op.reads)
            inputs_left[op] = sum(not is_constant(graph, base) for base in bases)
            if inputs_left[op] == 0:
                finish(op)
    for base in ready:  # grows as it goes
        for op in graph.reads.get(base, ()):
            if op in inputs_left:
                inputs_left[op] -= 1
                if inputs_left[op] == 0:
                    finish(op)
    return ready


def _compute(
    graph: OperatorGraph, bases: Sequence[Signal]
) -> dict[Signal, NDArray[Any]]:
    writers = [
        op for base in bases for op in (*graph.sets[base], *graph.incs.get(base, ()))
    ]
    signals = SignalDict()
    for op in writers:
        op.init_signals(signals)
    for op in writers:
        op.make_step(signals, dt=0.0, rng=None)()
    return {base: signals[base] for base in bases}
