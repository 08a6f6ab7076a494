"""Increments by zero."""

from __future__ import annotations

from collections.abc import Sequence

from nengo.builder.operator import (
    BsrDotInc,
    Copy,
    DotInc,
    ElementwiseInc,
    Operator,
    SparseDotInc,
)
from nengo.builder.transforms import ConvInc, ConvTransposeInc

from ..graph import OperatorGraph
from .constants import is_always
from .removal import without

# Operators that increment by a product of all that they read.
_PRODUCTS = frozenset(
    {
        BsrDotInc,
        ConvInc,
        ConvTransposeInc,
        Copy,
        DotInc,
        ElementwiseInc,
        SparseDotInc,
    }
)


def remove_zero_incs(operators: Sequence[Operator]) -> OperatorGraph:
    """Remove increments by zero.

    A product with a factor that is always zero is one, and so is a copy of zeros.
    Parameters that they have read keep their place in memory, see
    `remove_dead_operators`.

    Parameters
    ----------
    operators : sequence of Operator
        Operators in the model.

    Returns
    -------
    new_operators : OperatorGraph
        The operators without such increments.
    """
    graph = OperatorGraph.of(operators)
    return without(graph, {op for op in graph if _adds_zero(graph, op)})


def _adds_zero(graph: OperatorGraph, op: Operator) -> bool:
    return (
        type(op) in _PRODUCTS
        and not op.sets
        and any(is_always(graph, signal, 0) for signal in op.reads)
    )
