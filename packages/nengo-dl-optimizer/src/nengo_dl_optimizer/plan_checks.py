"""Whether what planners and sorters return can be executed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from nengo.exceptions import BuildError

from .graph import OperatorGraph
from .protocols import Plan


def check_plan(
    graph: OperatorGraph, plan: Plan, planner: Callable[..., object]
) -> None:
    """Check that a plan executes each operator once, and none too early.

    Parameters
    ----------
    graph : OperatorGraph
        The operators.
    plan : list of tuple of Operator
        What the planner has made of them.
    planner : callable
        Named in errors.

    Raises
    ------
    nengo.exceptions.BuildError
        If it does not.
    """
    planned = Counter(op for group in plan for op in group)
    expected = Counter(graph)
    if planned != expected or not all(plan):
        missing, extra = list(expected - planned), list(planned - expected)
        raise BuildError(
            f"{planner!r} must put each of the {len(graph)} operators into exactly one "
            f"group, and none may be empty; {len(missing)} are missing {missing[:1]}, "
            f"{len(extra)} are too many {extra[:1]}"
        )
    index = {op: i for i, op in enumerate(graph)}
    frontier = graph.frontier()
    ready = set(frontier.start())
    for number, group in enumerate(plan):
        early = [op for op in group if index[op] not in ready]
        if early:
            raise BuildError(
                f"{planner!r} plans {early[0]!r} for group {number}, before other "
                "operators (or in one group with them) that it must wait for"
            )
        ready.update(frontier.complete(index[op] for op in group))


def check_sorted(plan: Plan, sorted_plan: Plan, sorter: Callable[..., object]) -> None:
    """Check that sorting a plan has changed nothing but the order within groups.

    Parameters
    ----------
    plan, sorted_plan : list of tuple of Operator
        What the sorter was given, and what it returned.
    sorter : callable
        Named in errors.

    Raises
    ------
    nengo.exceptions.BuildError
        If it has.
    """
    if [Counter(group) for group in plan] != [Counter(group) for group in sorted_plan]:
        raise BuildError(
            f"{sorter!r} must return the same {len(plan)} groups in the same order as "
            "it was given, and change only the order of operators within them"
        )
