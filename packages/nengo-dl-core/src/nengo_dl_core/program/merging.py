"""What a planner is told about operators that cannot be computed together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from nengo.builder.operator import Operator

from nengo_dl_core.builders.base import Group
from nengo_dl_optimizer import OperatorGraph, Planner

Trait = Callable[[OperatorGraph], Mapping[Operator, Any]]


def among_equals(planner: Planner, *traits: Trait) -> Planner:
    """Keep operators in groups of their own.

    Parameters
    ----------
    planner : Planner
        A graph planner.
    *traits : callable
        Each gives, for the graph of operators, something by operator. Only operators of
        which the same is given, or nothing, are merged.

    Returns
    -------
    planner : Planner
        The planner, with a merge rule that is stricter.
    """

    @wraps(planner)
    def plan(operators: Sequence[Operator], /) -> Sequence[Group]:
        graph = OperatorGraph.of(operators)
        found = [given for trait in traits if (given := trait(graph))]
        if not found:
            return planner(graph)
        rule = graph.mergeable

        def mergeable(op: Operator, group: Sequence[Operator]) -> bool:
            alike = all(given.get(op) == given.get(group[0]) for given in found)
            return alike and (rule is None or rule(op, group))

        return planner(
            OperatorGraph(graph, graph.facts, mergeable, graph.replaced, graph.dt)
        )

    return plan
