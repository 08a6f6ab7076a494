"""No grouping at all."""

from __future__ import annotations

from collections.abc import Sequence

from nengo.builder.operator import Operator

from ..dependencies import DependencyGraph, Frontier


def noop_planner(operators: Sequence[Operator]) -> list[tuple[Operator, ...]]:
    """Order operators into a valid execution order, but do not perform any merging.

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
    frontier = Frontier(DependencyGraph(operators))
    order: list[int] = []
    ready = frontier.start()
    while ready:
        order += ready
        ready = frontier.complete(ready)
    frontier.check_complete()
    return [(operators[i],) for i in order]
