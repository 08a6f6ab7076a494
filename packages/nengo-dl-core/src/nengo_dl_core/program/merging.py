"""What a planner is told about operators that can be computed together, or cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from nengo.builder.operator import Operator

from nengo_dl_core.builders.base import Group
from nengo_dl_optimizer import OperatorGraph, Planner

Trait = Callable[[OperatorGraph], Mapping[Operator, Any]]


def among_equals(planner: Planner, padded: Trait, *traits: Trait) -> Planner:
    """Keep operators in groups of their own, or let those of several shapes in one.

    Parameters
    ----------
    planner : Planner
        A graph planner.
    padded : callable
        Gives what `OperatorGraph.padded` is.
    *traits : callable
        Each gives, for the graph of operators, something by operator. Only operators of
        which the same is given, or nothing, are merged.

    Returns
    -------
    planner : Planner
        The planner, with other rules for merging.
    """

    @wraps(planner)
    def plan(operators: Sequence[Operator], /) -> Sequence[Group]:
        graph = OperatorGraph.of(operators)
        found = [given for trait in traits if (given := trait(graph))]
        rule = graph.mergeable

        def mergeable(op: Operator, group: Sequence[Operator]) -> bool:
            alike = all(given.get(op) == given.get(group[0]) for given in found)
            return alike and (rule is None or rule(op, group))

        return planner(
            OperatorGraph(
                graph,
                graph.facts,
                mergeable if found else rule,
                graph.replaced,
                graph.dt,
                padded(graph),
            )
        )

    return plan
