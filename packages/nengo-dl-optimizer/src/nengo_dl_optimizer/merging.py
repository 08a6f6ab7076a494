"""Which operators may be executed as one group.

Operators of a group are executed as one operation over the concatenation of their
signals. They must therefore be of one type and be alike, signal by signal, in
everything that makes up an array besides its number of rows. What more an operation
needs is stated per type in a table below; what a backend's own implementation needs,
the backend says itself (`MergeRule`).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterable, Sequence

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

from .extents import extent
from .graph import OperatorGraph
from .operators import ConvSet, ConvTransposeSet, DotSet, ElementwiseSet

_ACCESSES = ("sets", "incs", "reads", "updates")


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

    def form(signal: Signal) -> Hashable:
        fact = graph.fact(signal)
        return (
            () if signal.sparse else signal.shape[1:],
            signal.sparse,
            signal.dtype,
            fact.trainable,
            fact.minibatched,
            signal.base in graph.persistent,
        )

    forms = tuple(
        tuple(form(signal) for signal in getattr(op, access)) for access in _ACCESSES
    )
    type_key = _TYPE_KEYS.get(type(op))
    return (type(op), forms, None if type_key is None else type_key(op))


class Group:
    """A group of operators in the making.

    Parameters
    ----------
    graph : OperatorGraph
        The graph whose operators are grouped.
    operators : iterable of Operator
        The operators to begin with.

    Attributes
    ----------
    operators : list of Operator
        The operators so far, in order.
    """

    def __init__(
        self, graph: OperatorGraph, operators: Iterable[Operator] = ()
    ) -> None:
        self._rule = graph.mergeable
        self._written: dict[Signal, list[tuple[int, int]]] = {}
        self.operators: list[Operator] = []
        for op in operators:
            self.add(op)

    def accepts(self, op: Operator) -> bool:
        """Whether an operator that is alike in structure may join.

        It may if it writes no memory that another operator of the group writes, and
        if the backend agrees.
        """
        if not self.operators:
            return True
        if any(
            _overlaps(self._written.get(signal.base, ()), extent(signal))
            for signal in written(op)
        ):
            return False
        return self._rule is None or self._rule(op, self.operators)

    def add(self, op: Operator) -> None:
        """Let an operator join."""
        self.operators.append(op)
        for signal in written(op):
            insort(self._written.setdefault(signal.base, []), extent(signal))


def _overlaps(extents: Sequence[tuple[int, int]], extent: tuple[int, int]) -> bool:
    """Whether an extent overlaps one of some sorted extents, which are disjoint."""
    start, stop = extent
    i = bisect_left(extents, (stop, stop))
    return i > 0 and extents[i - 1][1] > start


def mergeable(op: Operator, chosen_ops: Sequence[Operator]) -> bool:
    """Check if the given operator can be merged with the candidate group.

    Parameters
    ----------
    op : Operator
        The operator to be merged.
    chosen_ops : sequence of Operator
        The operators of the group: a list, or an `OperatorGraph`, which then
        contributes its facts and its backend's rule.

    Returns
    -------
    mergeable : bool
        Whether ``op`` is of the same type as the group's operators, alike in the form
        of its signals, writes no memory that the group writes, does not depend on the
        group nor the group on it, and whether the backend agrees. Anything can be
        merged with an empty group.
    """
    if not chosen_ops:
        return True
    graph = OperatorGraph.of(chosen_ops)
    if merge_key(graph, op) != merge_key(graph, graph[0]):
        return False
    if _touch(op.reads, [s for other in graph for s in written(other)]) or _touch(
        written(op), [s for other in graph for s in other.reads]
    ):
        return False
    return Group(graph, graph).accepts(op)


def written(op: Operator) -> list[Signal]:
    """Signals that an operator writes in any way."""
    return [*op.sets, *op.incs, *op.updates]


def _touch(signals: Sequence[Signal], others: Sequence[Signal]) -> bool:
    """Whether any of some signals shares memory with any of some others."""
    extents: dict[Signal, list[tuple[int, int]]] = {}
    for signal in others:
        extents.setdefault(signal.base, []).append(extent(signal))
    return any(
        low < extent(signal)[1] and extent(signal)[0] < high
        for signal in signals
        for low, high in extents.get(signal.base, ())
    )
