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
    kept = [op for op in graph if not _adds_zero(graph, op)]
    return graph if len(kept) == len(graph) else graph.with_operators(kept)


def _adds_zero(graph: OperatorGraph, op: Operator) -> bool:
    return (
        type(op) in _PRODUCTS
        and not op.sets
        and any(is_always(graph, signal, 0) for signal in op.reads)
    )
