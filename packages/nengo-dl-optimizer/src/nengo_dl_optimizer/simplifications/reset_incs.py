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
    """Let the first increment after a reset to zero set the signal instead.

    Further increments of the signal stay what they are. The same goes for several
    increments that together cover what is reset, each a part of it, as those of
    a passthrough node that collects the output of many ensembles.

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
    Let the reset and the new set write the memory M. The set now comes before all
    other increments of M. That is an order without cycles if these lie within M: if
    one of them had to come before the new set, then by a read of what it writes, which
    is a part of M and so cannot be read before the set was done in its old form.
    """
    graph = OperatorGraph.of(operators)
    changed: dict[Operator, Operator | None] = {}
    for op in graph:
        if type(op) is Reset and op.value == 0:
            increments = _absorbing(graph, op)
            if increments:
                changed[op] = None
            for increment in increments:
                changed[increment] = _SETTERS[type(increment)](increment)
    if not changed:
        return graph
    new = (changed.get(op, op) for op in graph)
    return graph.with_operators(op for op in new if op is not None)


def _absorbing(graph: OperatorGraph, reset: Reset) -> list[Operator]:
    """Return the increments that can take a reset's place; none if there are none."""
    start, stop = extent(reset.dst)
    overlapping: list[tuple[int, int, Operator]] = []
    for op in graph.incs.get(reset.dst.base, ()):
        for signal in op.incs:
            low, high = extent(signal)
            if signal.base is reset.dst.base and low < stop and start < high:
                overlapping.append((low, high, op))
    if any(low < start or stop < high for low, high, _ in overlapping):
        return []
    for *_, op in overlapping:
        if _could_set(op) and _same_memory(op.incs[0], reset.dst):
            return [op]
    return _tiles(reset, sorted(overlapping, key=lambda item: item[:2]))


def _tiles(
    reset: Reset, overlapping: Sequence[tuple[int, int, Operator]]
) -> list[Operator]:
    """Return all of some increments, in order, if they lie end to end in a reset."""
    end, stop = extent(reset.dst)
    for low, high, op in overlapping:
        if low != end or not _could_set(op) or not _is_dense(op.incs[0]):
            return []
        end = high
    return (
        [op for *_, op in overlapping] if end == stop and _is_dense(reset.dst) else []
    )


def _could_set(op: Operator) -> bool:
    return type(op) in _SETTERS and getattr(op, "dst_slice", None) is None


def _is_dense(signal: Signal) -> bool:
    return bool(signal.initial_value.flags.c_contiguous)


def _same_memory(one: Signal, other: Signal) -> bool:
    return (
        extent(one) == extent(other)
        and one.size == other.size
        and (one.strides == other.strides or (_is_dense(one) and _is_dense(other)))
    )
