"""Resets that are followed by increments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nengo.builder.operator import (
    Copy,
    DotInc,
    ElementwiseInc,
    Operator,
    Reset,
    SparseDotInc,
)
from nengo.builder.signal import Signal
from nengo.builder.transforms import ConvInc, ConvTransposeInc, GeneralConvInc

from ..extents import extent
from ..graph import OperatorGraph
from ..operators import (
    ConvSet,
    ConvTransposeSet,
    DotSet,
    ElementwiseSet,
    ResetInc,
    SparseDotSet,
)


def _copy(op: Copy) -> Operator:
    return Copy(op.src, op.dst, src_slice=op.src_slice, tag=op.tag)


def _convolution(
    set_type: type[GeneralConvInc],
) -> Callable[[GeneralConvInc], Operator]:
    return lambda op: set_type(op.W, op.X, op.Y, op.conv, tag=op.tag)


# How to make the operator that sets what an operator of this type increments.
_SETTERS: dict[type[Operator], Callable[..., Operator]] = {
    ConvInc: _convolution(ConvSet),
    ConvTransposeInc: _convolution(ConvTransposeSet),
    Copy: _copy,
    DotInc: lambda op: DotSet(op.A, op.X, op.Y, reshape=op.reshape, tag=op.tag),
    ElementwiseInc: lambda op: ElementwiseSet(op.A, op.X, op.Y, tag=op.tag),
    ResetInc: lambda op: Reset(op.dst, value=op.value, tag=op.tag),
    SparseDotInc: lambda op: SparseDotSet(op.A, op.X, op.Y, tag=op.tag),
}


def remove_reset_incs(operators: Sequence[Operator]) -> OperatorGraph:
    """Replace ``y=Reset(0) + x`` with ``y=x``.

    If a signal is reset and incremented, we can change that to a set that combines the
    two operators. (Any other increments of that signal can proceed as normal.)

    Parameters
    ----------
    operators : sequence of Operator
        Operators in the model.

    Returns
    -------
    new_operators : OperatorGraph
        The operators, with some resets removed and increments changed to sets.

    Notes
    -----
    In practice, this modification can hurt more than it helps. Increments are cheaper
    to compute the gradient for, and changing increments to increments and sets splits
    up the groups of operators. It tends to provide the most value for models
    consisting of long linear chains of objects.

    Let the reset and the new set write the memory M. The set now comes before all
    other increments of M. That is an order without cycles if these lie within M: if
    one of them had to come before the new set, then by a read of what it writes, which
    is a part of M and so cannot be read before the set was done in its old form.
    """
    graph = OperatorGraph.of(operators)
    changed: dict[Operator, Operator | None] = {}
    for op in graph:
        if type(op) is Reset and op.value == 0:
            increment = _absorbing_increment(graph, op)
            if increment is not None:
                changed[op] = None
                changed[increment] = _SETTERS[type(increment)](increment)
    if not changed:
        return graph
    new = (changed.get(op, op) for op in graph)
    return graph.with_operators(op for op in new if op is not None)


def _absorbing_increment(graph: OperatorGraph, reset: Reset) -> Operator | None:
    """Return the first increment that can take a reset's place."""
    start, stop = extent(reset.dst)
    overlapping = []
    for op in graph.incs.get(reset.dst.base, ()):
        for signal in op.incs:
            low, high = extent(signal)
            if signal.base is reset.dst.base and low < stop and start < high:
                if low < start or stop < high:
                    return None
                overlapping.append(op)
    for op in overlapping:
        if (
            type(op) in _SETTERS
            and getattr(op, "dst_slice", None) is None
            and _same_memory(op.incs[0], reset.dst)
        ):
            return op
    return None


def _same_memory(one: Signal, other: Signal) -> bool:
    return one is other or (
        extent(one) == extent(other)
        and one.size == other.size
        and (
            one.strides == other.strides
            or (
                one.initial_value.flags.c_contiguous
                and other.initial_value.flags.c_contiguous
            )
        )
    )
