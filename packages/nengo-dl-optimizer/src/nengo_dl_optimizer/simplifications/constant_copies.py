"""Copies of constants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from nengo.builder.operator import Copy, Operator, Reset

from ..graph import OperatorGraph
from ..operators import ResetInc
from .constants import is_constant, only_reset


def remove_constant_copies(operators: Sequence[Operator]) -> OperatorGraph:
    """Turn copies of a constant into resets to its value.

    Constant is what no operator writes, or a single `Reset` does. A copy that
    increments becomes a `ResetInc`.

    Parameters
    ----------
    operators : sequence of Operator
        Operators in the model.

    Returns
    -------
    new_operators : OperatorGraph
        The operators, with `Reset` or `ResetInc` in place of such copies.

    Notes
    -----
    The value of a `Reset` is a single number (Nengo's own optimizer relies on that),
    so copies of constants with several values stay as they are.
    """
    graph = OperatorGraph.of(operators)
    new = [_without_copy(graph, op) for op in graph]
    return graph.with_operators(new) if new != list(graph) else graph


def _without_copy(graph: OperatorGraph, op: Operator) -> Operator:
    if type(op) is not Copy or op.dst_slice is not None:
        return op
    value = _single_value(graph, op)
    if value is None:
        return op
    return (ResetInc if op.inc else Reset)(op.dst, value=value, tag=op.tag)


def _single_value(graph: OperatorGraph, op: Copy) -> float | None:
    """Return the one constant that all copied elements have, if there is one."""
    reset = only_reset(graph, op.src)
    if reset is not None:
        return float(reset.value)
    if op.src.sparse or not is_constant(graph, op.src):
        return None
    source = op.src.initial_value
    values = np.unique(source if op.src_slice is None else source[op.src_slice])
    return float(values[0]) if len(values) == 1 else None
