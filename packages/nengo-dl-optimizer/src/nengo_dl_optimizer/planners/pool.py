"""Operators that are ready to be executed, kept by kind."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

from ..extents import extent
from ..graph import OperatorGraph
from ..merging import Group, merge_key, written


def operator_kinds(graph: OperatorGraph) -> list[int]:
    """Return the kind of each operator: those of one kind may share a group.

    Operators are of one kind if they are alike in structure and the backend would put
    each of them into a group with the first of their kind.

    Parameters
    ----------
    graph : OperatorGraph
        All operators of a model.

    Returns
    -------
    kinds : list of int
        The kind of each operator, counted from 0 in order of appearance.
    """
    rule = graph.mergeable
    kinds: list[int] = []
    n_kinds = 0
    alike: dict[Hashable, list[int]] = {}
    for i, op in enumerate(graph):
        firsts = alike.setdefault(merge_key(graph, op), [])
        if rule is None:
            candidates = firsts
        elif not rule(op, (op,)):  # merges with nothing, so spare it the comparisons
            firsts, candidates = [], []
        else:
            candidates = [j for j in firsts if rule(op, (graph[j],))]
        if candidates:
            kinds.append(kinds[candidates[0]])
        else:
            firsts.append(i)
            kinds.append(n_kinds)
            n_kinds += 1
    return kinds


class Pool:
    """Operators of one kind that are ready to be executed.

    Those that write the same memory queue up behind each other, as no two of them fit
    in one group: the number of queues is the size of the group that could be formed.

    Parameters
    ----------
    graph : OperatorGraph
        The graph of which the operators are.
    """

    def __init__(self, graph: OperatorGraph) -> None:
        self._graph = graph
        self._queues: dict[Hashable, deque[int]] = {}

    @property
    def size(self) -> int:
        """The number of operators that could be executed together."""
        return len(self._queues)

    def put(self, i: int) -> None:
        """Add an operator by its index in the graph."""
        key = tuple(
            (signal.base, *extent(signal)) for signal in written(self._graph[i])
        )
        self._queues.setdefault(key or i, deque()).append(i)

    def take(self) -> list[int]:
        """Remove a group, and return the indices of its operators."""
        group = Group(self._graph)
        taken = []
        for key, queue in list(self._queues.items()):
            op = self._graph[queue[0]]
            if group.accepts(op):
                group.add(op)
                taken.append(queue.popleft())
                if not queue:
                    del self._queues[key]
        return taken
