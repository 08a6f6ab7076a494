"""Simplify, plan, sort, lay out: the whole optimization in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle, islice

from nengo.builder.operator import Operator
from nengo.exceptions import BuildError

from .graph import OperatorGraph
from .layout import Layout
from .plan_checks import check_plan, check_sorted
from .planners import layered_planner
from .protocols import Planner, Simplification, Sorter
from .simplifications import default_simplifications
from .sorters import order_signals
from .summary import Summary, summarize


@dataclass(frozen=True)
class OptimizedGraph:
    """Operators, ready to be executed group by group over blocks of memory.

    Parameters
    ----------
    before : OperatorGraph
        The operators that were given.
    graph : OperatorGraph
        The operators after simplification; ``graph.replaced`` says which signals stand
        for those of the model.
    plan : tuple of tuple of Operator
        Groups of operators in execution order.
    layout : Layout
        Where each signal is.
    """

    before: OperatorGraph
    graph: OperatorGraph
    plan: tuple[tuple[Operator, ...], ...]
    layout: Layout

    @cached_property
    def summary(self) -> Summary:
        """Sizes before and after."""
        return summarize(self.before, self.graph, self.plan, self.layout)


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

    Raises
    ------
    nengo.exceptions.BuildError
        If that would go on for ever.
    """
    n_unchanged = 0
    max_steps = len(simplifications) * (len(graph) + 2)
    for simplification in islice(cycle(simplifications), max_steps):
        result = graph.follow(simplification(graph))
        n_unchanged = n_unchanged + 1 if tuple(result) == tuple(graph) else 0
        graph = result
        if n_unchanged == len(simplifications):
            return graph
    if simplifications:
        raise BuildError(
            f"The operators still change after {max_steps} simplifications: two of "
            f"{list(simplifications)} may undo each other's work"
        )
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
        Operators, groups, memory layout, and a summary of them.

    Raises
    ------
    nengo.exceptions.BuildError
        If operators wait for each other in a cycle; if the planner returns a plan that
        lacks an operator or executes one too early, or the sorter one with other groups
        than it was given; or if simplifications go on changing the operators for ever.
    nengo.exceptions.SignalError
        If the sorter leaves out a signal.

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
    check_plan(simplified, plan, planner)
    report("sorting")
    signals, sorted_plan = sorter(plan)
    check_sorted(plan, sorted_plan, sorter)
    report("laying out")
    groups = tuple(tuple(group) for group in sorted_plan)
    layout = Layout(simplified, groups, signals)
    return OptimizedGraph(graph, simplified, groups, layout)
