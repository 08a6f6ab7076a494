"""Groups as large as possible, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

from nengo.builder.operator import Operator

from ..dependencies import DependencyGraph, Frontier
from ..graph import OperatorGraph
from .pool import Pool, operator_kinds


def greedy_planner(operators: Sequence[Operator]) -> list[tuple[Operator, ...]]:
    """Create a merged execution plan through greedy selection.

    Always selects the largest available group of operators as the next to be executed.

    Parameters
    ----------
    operators : sequence of Operator
        All operators in a model, in any order.

    Returns
    -------
    plan : list of tuple of Operator
        Operators combined into mergeable groups and in execution order.

    Raises
    ------
    nengo.exceptions.BuildError
        If operators wait for each other.
    """
    graph = OperatorGraph.of(operators)
    frontier = Frontier(DependencyGraph(graph))
    kinds = operator_kinds(graph)
    pools = [Pool(graph) for _ in range(max(kinds, default=-1) + 1)]
    # Sizes in the heap are those at the time of entry. A pool enters again whenever it
    # changes; an entry of another size than the pool's is out of date.
    heap: list[tuple[int, int]] = []
    plan: list[tuple[Operator, ...]] = []
    ready = frontier.start()
    while True:
        for i in ready:
            pools[kinds[i]].put(i)
        for kind in dict.fromkeys(kinds[i] for i in ready):
            heappush(heap, (-pools[kind].size, kind))
        while heap and -heap[0][0] != pools[heap[0][1]].size:
            heappop(heap)
        if not heap:
            break
        kind = heap[0][1]
        group = pools[kind].take()
        plan.append(tuple(graph[i] for i in group))
        if pools[kind].size:
            heappush(heap, (-pools[kind].size, kind))
        ready = frontier.complete(group)
    frontier.check_complete()
    return plan
