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
    """Create a merged execution plan through exhaustive tree search.

    The ``max_depth`` parameter scales the planner between full tree search and greedy
    search. ``max_depth==1`` is equivalent to `greedy_planner`, and
    ``max_depth==len(op_list)`` is full tree search (guaranteed to find the optimal plan
    if no operators write the same memory, but likely very slow).

    Parameters
    ----------
    op_list : sequence of Operator
        All operators in a model, in any order.
    max_depth : int
        How many groups to look ahead for the choice of each group.

    Returns
    -------
    plan : list of tuple of Operator
        Operators combined into mergeable groups and in execution order.

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
