"""Which operators may be executed as one group.

Operators of a group are executed as one operation over the concatenation of their
signals. They must therefore be of one type and be alike, signal by signal, in
everything that makes up an array besides its number of rows. What more an operation
needs is stated per type in a table below; what a backend's own implementation needs,
the backend says itself (`MergeRule`). It also says where shapes may differ, because it
pads what it computes together (`OperatorGraph.padded`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import (
    BsrDotInc,
    DotInc,
    ElementwiseInc,
    Operator,
    SimPyFunc,
)
from nengo.builder.processes import SimProcess
from nengo.builder.signal import Signal
from nengo.builder.transforms import ConvInc, ConvTransposeInc, GeneralConvInc

from .dependencies import ACCESSES
from .graph import OperatorGraph
from .operators import ConvSet, ConvTransposeSet, DotSet, ElementwiseSet


def _shapes(op: Operator) -> Hashable:
    return tuple(signal.shape for signal in op.all_signals)


def _product(op: ElementwiseInc) -> Hashable:
    """Rows concatenate if none are broadcast; otherwise products are stacked."""
    shapes = [signal.shape for signal in op.all_signals]
    rows = {shape[:1] for shape in shapes}
    return None if len(rows) == 1 else tuple(shapes)


def _convolution(op: GeneralConvInc) -> Hashable:
    conv = op.conv
    return (
        _shapes(op),
        conv.input_shape.shape,
        conv.output_shape.shape,
        conv.channels_last,
        conv.strides,
        conv.padding,
        getattr(conv, "groups", 1),
    )


# What operators of a type must share besides the form of their signals.
_TYPE_KEYS: dict[type[Operator], Callable[..., Hashable]] = {
    BsrDotInc: id,
    ConvInc: _convolution,
    ConvSet: _convolution,
    ConvTransposeInc: _convolution,
    ConvTransposeSet: _convolution,
    DotInc: _shapes,
    DotSet: _shapes,
    ElementwiseInc: _product,
    ElementwiseSet: _product,
    SimNeurons: lambda op: (type(op.neurons), *op.state_idxs),
    SimProcess: lambda op: (type(op.process), op.mode, *op.state_idxs),
    SimPyFunc: lambda op: (op.t_passed, op.x_passed),
}


def merge_key(graph: OperatorGraph, op: Operator) -> Hashable:
    """Return a value that is equal for all operators that are alike in structure.

    Parameters
    ----------
    graph : OperatorGraph
        The graph that knows the facts about the operator's signals.
    op : Operator
        One of its operators.
    """
    padded = graph.padded.get(op)

    def form(signal: Signal, access: str) -> Hashable:
        fact = graph.fact(signal)
        return (
            () if signal.sparse or padded is not None else signal.shape[1:],
            signal.sparse,
            signal.dtype,
            fact.trainable,
            fact.minibatched,
            access != "reads" and signal.base in graph.persistent,
        )

    forms = tuple(
        tuple(form(signal, access) for signal in getattr(op, access))
        for access in ACCESSES
    )
    if padded is not None:
        return (type(op), forms, "padded", padded)
    type_key = _TYPE_KEYS.get(type(op))
    return (type(op), forms, None if type_key is None else type_key(op))


def written_signals(op: Operator) -> list[Signal]:
    """Return the signals that an operator sets, increments or updates.

    Parameters
    ----------
    op : Operator
        An operator.

    Returns
    -------
    signals : list of Signal
        Base signals or views.
    """
    return [*op.sets, *op.incs, *op.updates]
