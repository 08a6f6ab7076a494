"""Operators on their way into groups."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Hashable, Iterable, Sequence

from nengo.builder.operator import Operator
from nengo.builder.signal import Signal

from .extents import extent
from .graph import OperatorGraph
from .merging import merge_key, written_signals

Memory = tuple[tuple[Signal, int, int], ...]


class Candidates:
    """The operators of a graph, with what decides which of them may share a group.

    Operators are named by their index in the graph.

    Parameters
    ----------
    graph : OperatorGraph
        All operators of a model.

    Attributes
    ----------
    kinds : list of int
        The kind of each operator, counted from 0 in order of appearance. Operators are
        of one kind if they are alike in structure and the backend would put each of
        them into a group with the first of their kind.
    memory : list of tuple of (Signal, int, int)
        The memory that each operator writes, and that no other operator of its group
        may write: base signal, start and stop.
    """

    def __init__(self, graph: OperatorGraph) -> None:
        self.graph = graph
        self.kinds = _kinds(graph)
        self.memory = [_memory(op) for op in graph]

    def __len__(self) -> int:
        return len(self.graph)


def _memory(op: Operator) -> Memory:
    written = written_signals(op)
    return tuple(dict.fromkeys((signal.base, *extent(signal)) for signal in written))


def _kinds(graph: OperatorGraph) -> list[int]:
    rule = graph.mergeable
    kinds: list[int] = []
    n_kinds = 0
    alike: dict[Hashable, list[int]] = {}
    for i, op in enumerate(graph):
        firsts = alike.setdefault(merge_key(graph, op), [])
        if rule is None:
            kind = kinds[firsts[0]] if firsts else None
        elif rule(op, (op,)):
            kind = next((kinds[j] for j in firsts if rule(op, (graph[j],))), None)
        else:  # merges with nothing, so spare it and all others the comparison
            firsts, kind = [], None
        if kind is None:
            kind = n_kinds
            n_kinds += 1
            firsts.append(i)
        kinds.append(kind)
    return kinds


class Group:
    """A group of operators of one kind in the making.

    Parameters
    ----------
    candidates : Candidates
        The operators.
    members : iterable of int
        Those to begin with.

    Attributes
    ----------
    members : list of int
        The operators in the group so far, in order.
    """

    def __init__(self, candidates: Candidates, members: Iterable[int] = ()) -> None:
        self.members: list[int] = []
        self._candidates = candidates
        self._operators: list[Operator] = []
        self._written: dict[Signal, list[tuple[int, int]]] = {}
        for i in members:
            self.add(i)

    def accepts(self, i: int) -> bool:
        """Whether another operator of the same kind may join.

        It may if it does not write what another member writes, and the backend agrees.
        """
        if not self.members:
            return True
        if any(
            _overlaps(self._written.get(base, ()), start, stop)
            for base, start, stop in self._candidates.memory[i]
        ):
            return False
        graph = self._candidates.graph
        return graph.mergeable is None or graph.mergeable(graph[i], self._operators)

    def add(self, i: int) -> None:
        """Let an operator join."""
        self.members.append(i)
        self._operators.append(self._candidates.graph[i])
        for base, start, stop in self._candidates.memory[i]:
            insort(self._written.setdefault(base, []), (start, stop))


def _overlaps(extents: Sequence[tuple[int, int]], start: int, stop: int) -> bool:
    """Whether an extent overlaps one of some sorted extents, which are disjoint."""
    i = bisect_left(extents, (stop, stop))
    return i > 0 and extents[i - 1][1] > start


def mergeable(op: Operator, chosen_ops: Sequence[Operator]) -> bool:
    """Tell whether an operator may join a group.

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
    group = OperatorGraph.of(chosen_ops)
    graph = group.with_operators((*group, op))
    if merge_key(graph, op) != merge_key(graph, group[0]):
        return False
    read = [signal for other in group for signal in other.reads]
    written = [signal for other in group for signal in written_signals(other)]
    if _touch(op.reads, written) or _touch(written_signals(op), read):
        return False
    return Group(Candidates(graph), range(len(group))).accepts(len(group))


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
