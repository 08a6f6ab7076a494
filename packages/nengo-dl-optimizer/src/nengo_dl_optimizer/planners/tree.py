"""Groups chosen by looking some groups ahead."""

from __future__ import annotations

from collections.abc import Sequence

from nengo.builder.operator import Operator

from ..graph import OperatorGraph
from ..grouping import Candidates
from .selection import Execution


def tree_planner(
    op_list: Sequence[Operator], max_depth: int = 3
) -> list[tuple[Operator, ...]]:
    """Plan by trying all choices of the next few groups before taking one.

    One group is what `greedy_planner` looks at. With as many as there are operators the
    plan has the fewest groups possible, if no operators write the same memory; but the
    time is exponential in the depth.

    Parameters
    ----------
    op_list : sequence of Operator
        All operators in a model, in any order.
    max_depth : int
        How many groups to look ahead for the choice of each group.

    Returns
    -------
    plan : list of tuple of Operator
        The groups, each after those whose results it needs.

    Raises
    ------
    nengo.exceptions.BuildError
        If operators wait for each other.
    ValueError
        If ``max_depth`` is less than 1.
    """
    if max_depth < 1:
        raise ValueError(f"max_depth must be at least 1, not {max_depth}")
    graph = OperatorGraph.of(op_list)
    execution = Execution(Candidates(graph), graph.frontier())
    plan = []
    while execution.ready_kinds():
        _, kind = _best(execution, max_depth)
        group, _ = execution.advance(kind)
        plan.append(tuple(graph[i] for i in group))
    execution.check_complete()
    return plan


def _best(execution: Execution, depth: int) -> tuple[tuple[int, int], int]:
    """Find the best kind to execute next.

    Returns
    -------
    value : tuple of (int, int)
        How many operators can be executed in the next ``depth`` groups, and minus the
        number of these groups if they are not needed to execute all: more is better.
    kind : int
        The kind with which to begin.
    """
    best: tuple[tuple[int, int], int] | None = None
    for kind in sorted(execution.ready_kinds()):
        value = (execution.n_ready(kind), -1)
        if depth > 1:
            branch = execution.copy()
            group, _ = branch.advance(kind)
            value = (len(group), -1)
            if branch.ready_kinds():
                (n_operators, n_groups), _ = _best(branch, depth - 1)
                value = (value[0] + n_operators, value[1] + n_groups)
        if best is None or value > best[0]:
            best = (value, kind)
    assert best is not None
    return best
