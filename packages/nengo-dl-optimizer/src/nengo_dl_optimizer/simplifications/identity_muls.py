"""Multiplications by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from nengo.builder.operator import Copy, DotInc, ElementwiseInc, Operator
from nengo.builder.signal import Signal

from ..graph import OperatorGraph
from ..operators import DotSet, ElementwiseSet
from .constants import is_always, is_constant


def remove_identity_muls(operators: Sequence[Operator]) -> OperatorGraph:
    """Turn products with one, or the identity matrix, into copies.

    These are the products of `DotInc`, `ElementwiseInc`, `DotSet` and `ElementwiseSet`.

    Parameters
    ----------
    operators : sequence of Operator
        Operators in the model.

    Returns
    -------
    new_operators : OperatorGraph
        The operators, with copies in place of such multiplications.
    """
    graph = OperatorGraph.of(operators)
    new = [_without_identity(graph, op) for op in graph]
    return graph.with_operators(new) if new != list(graph) else graph


def _is_one(graph: OperatorGraph, signal: Signal) -> bool:
    return is_always(graph, signal, 1)


def _is_dot_identity(graph: OperatorGraph, signal: Signal) -> bool:
    """Whether the dot product with a signal is the other factor."""
    if signal.ndim == 0:
        return _is_one(graph, signal)
    value = signal.initial_value
    return (
        signal.ndim == 2
        and signal.shape[0] == signal.shape[1]
        and value[0, 0] == 1  # spares most matrices the full comparison
        and is_constant(graph, signal)
        and np.array_equal(value, np.eye(len(value)))
    )


# What a factor must be for the product to be the other factor.
_IDENTITIES: dict[type[Operator], Callable[[OperatorGraph, Signal], bool]] = {
    DotInc: _is_dot_identity,
    DotSet: _is_dot_identity,
    ElementwiseInc: _is_one,
    ElementwiseSet: _is_one,
}


def _without_identity(graph: OperatorGraph, op: Operator) -> Operator:
    is_identity = _IDENTITIES.get(type(op))
    if is_identity is None:
        return op
    for factor, other in ((op.A, op.X), (op.X, op.A)):
        if other.shape == op.Y.shape and is_identity(graph, factor):
            return Copy(other, op.Y, inc=bool(op.incs), tag=op.tag)
    return op
