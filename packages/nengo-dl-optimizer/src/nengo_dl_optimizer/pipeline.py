"""Simplify, plan, sort, lay out: the whole optimization in one call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nengo.builder.operator import Operator
from nengo.exceptions import BuildError

from .graph import OperatorGraph
from .layout import Layout
from .planners import layered_planner
from .protocols import Plan, Planner, Simplification, Sorter
from .simplifications import default_simplifications
from .sorters import order_signals
from .summary import Summary, summarize


@dataclass(frozen=True)
class OptimizedGraph:
    """Operators, ready to be executed group by group over blocks of memory.

    Parameters
    ----------
    graph : OperatorGraph
        The operators after simplification; ``graph.replaced`` says which signals stand
        for those of the model.
    plan : tuple of tuple of Operator
        Groups of operators in execution order.
    layout : Layout
        Where each signal is.
    summary : Summary
        Sizes before and after.
    """

    graph: OperatorGraph
    plan: tuple[tuple[Operator, ...], ...]
    layout: Layout
    summary: Summary


def simplify(
    graph: OperatorGraph, simplifications: Sequence[Simplification]
) -> OperatorGraph:
    """Apply simplifications again and again until none of them changes anything.

    Parameters
    ----------
    graph : OperatorGraph
        The operators of a model.
    simplifications : sequence of Simplification
        They are applied in this order.

    Returns
    -------
    graph : OperatorGraph
        The simplified operators. A plain list that a simplification returns takes over
        the facts of what it was given.
    """
    changed = True
    while changed:
        changed = False
        for simplification in simplifications:
            result = simplification(graph)
            if not isinstance(result, OperatorGraph):
                result = graph.with_operators(result)
            if tuple(result) != tuple(graph):
                graph, changed = result, True
    return graph


def optimize(
    graph: OperatorGraph,
    *,
    planner: Planner = layered_planner,
    sorter: Sorter = order_signals,
    simplifications: Sequence[Simplification] | None = None,
    progress: Callable[[str], None] | None = None,
) -> OptimizedGraph:
    """Restructure operators so that they run as few, large, contiguous operations.

    Parameters
    ----------
    graph : OperatorGraph
        The operators of a model, and what is known of their signals. It is not changed.
    planner : Planner
        Puts operators into groups.
    sorter : Sorter
        Puts signals, and operators within their groups, into order.
    simplifications : sequence of Simplification, optional
        Applied to a fixed point before planning. By default those in
        ``default_simplifications``; an empty sequence means none.
    progress : callable, optional
        Called with a word for each stage as it begins.

    Returns
    -------
    optimized : OptimizedGraph
        Operators, groups, memory layout, and a summary.

    Raises
    ------
    nengo.exceptions.BuildError
        If operators wait for each other in a cycle, or if the planner or the sorter
        lost or invented operators.

    Examples
    --------
    >>> import nengo
    >>> from nengo_dl_optimizer import OperatorGraph, optimize
    >>> with nengo.Network(seed=0) as net:
    ...     ensembles = [nengo.Ensemble(10, 1) for _ in range(3)]
    >>> model = nengo.builder.Model()
    >>> model.build(net)
    >>> optimized = optimize(OperatorGraph(model.operators))
    >>> len(optimized.graph) > len(optimized.plan)
    True
    """
    if simplifications is None:
        simplifications = default_simplifications
    report = progress or (lambda stage: None)
    report("simplifying")
    simplified = simplify(graph, simplifications)
    report("planning")
    plan = planner(simplified)
    _check_plan(simplified, plan, planner)
    report("sorting")
    signals, plan = sorter(plan)
    _check_plan(simplified, plan, sorter)
    report("laying out")
    groups = tuple(tuple(group) for group in plan)
    layout = Layout(simplified, groups, signals)
    return OptimizedGraph(
        simplified, groups, layout, summarize(graph, simplified, groups, layout)
    )


def _check_plan(graph: OperatorGraph, plan: Plan, source: Planner | Sorter) -> None:
    """Raise an error unless a plan has each operator exactly once."""
    if any(not group for group in plan):
        raise BuildError(f"{source!r} returned an empty group")
    planned = Counter(op for group in plan for op in group)
    expected = Counter(graph)
    if planned != expected:
        lost, extra = list(expected - planned), list(planned - expected)
        raise BuildError(
            f"{source!r} must return each of the {len(graph)} operators exactly once, "
            f"but {len(lost)} are missing {lost[:1]} and {len(extra)} are too many "
            f"{extra[:1]}"
        )
