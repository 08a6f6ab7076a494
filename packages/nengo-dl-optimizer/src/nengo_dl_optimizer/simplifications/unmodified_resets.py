"""Resets of signals that nothing else modifies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from nengo.builder.operator import Operator
from nengo.builder.signal import Signal

from ..graph import OperatorGraph
from ..rewriting import substitute
from .constants import only_reset


def remove_unmodified_resets(operators: Sequence[Operator]) -> OperatorGraph:
    """Put a constant in the place of a signal that nothing but a reset writes.

    Nengo builds no such resets, but they remain when other simplifications have removed
    the increments.

    Parameters
    ----------
    operators : sequence of Operator
        Operators in the model.

    Returns
    -------
    new_operators : OperatorGraph
        The operators without such resets; ``replaced`` names the new signals.
    """
    graph = OperatorGraph.of(operators)
    replaced: dict[Signal, Signal] = {}
    removed = set()
    for base in graph.sets:
        reset = only_reset(graph, base)
        if reset is not None:
            value = np.full(base.shape, reset.value, dtype=base.dtype)
            replaced[base] = Signal(value, name=base.name, readonly=True)
            removed.add(reset)
    if not removed:
        return graph
    kept = [op for op in graph if op not in removed]
    return graph.with_operators(substitute(kept, replaced), replaced)
