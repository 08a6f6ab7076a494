"""No grouping at all."""

from __future__ import annotations

from collections.abc import Sequence

from nengo.builder.operator import Operator

from ..graph import OperatorGraph


def noop_planner(operators: Sequence[Operator]) -> list[tuple[Operator, ...]]:
    """Plan without merging: operators one by one, each after what it depends on.

    Parameters
    ----------
    operators : sequence of Operator
        All operators in a model, in any order.

    Returns
    -------
    plan : list of tuple of Operator
        Groups of one operator each, in execution order.

    Raises
    ------
    nengo.exceptions.BuildError
        If operators wait for each other.
    """
    graph = OperatorGraph.of(operators)
    frontier = graph.frontier()
    order: list[int] = []
    ready = frontier.start()
    while ready:
        order += ready
        ready = frontier.complete(ready)
    frontier.check_complete()
    return [(graph[i],) for i in order]
