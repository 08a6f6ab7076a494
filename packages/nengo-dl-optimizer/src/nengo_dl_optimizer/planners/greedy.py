"""Groups as large as possible, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from nengo.builder.operator import Operator

from ..graph import OperatorGraph
from ..grouping import Candidates
from .selection import Execution, select_groups


def greedy_planner(operators: Sequence[Operator]) -> list[tuple[Operator, ...]]:
    """Plan by taking the largest group that is ready, again and again.

    Parameters
    ----------
    operators : sequence of Operator
        All operators in a model, in any order.

    Returns
    -------
    plan : list of tuple of Operator
        The groups, each after those whose results it needs.

    Raises
    ------
    nengo.exceptions.BuildError
        If operators wait for each other.
    """
    graph = OperatorGraph.of(operators)
    groups = select_groups(
        Execution(Candidates(graph), graph.frontier()),
        priority=lambda n_ready, n_left: n_ready,
    )
    return [tuple(graph[i] for i in group) for group in groups]
