"""What the optimizer makes of a network, and how long that takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from time import perf_counter
from typing import TYPE_CHECKING, Any

import nengo
from rich.table import Table

from nengo_dl_benchmarks.report import as_text, seconds
from nengo_dl_optimizer import (
    OperatorGraph,
    OptimizedGraph,
    Planner,
    Simplification,
    Sorter,
    default_simplifications,
    greedy_planner,
    layered_planner,
    noop_order_signals,
    noop_planner,
    optimize,
    order_signals,
    simplify,
    transitive_planner,
    tree_planner,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLANNERS: dict[str, Planner] = {
    planner.__name__: planner
    for planner in (
        noop_planner,
        tree_planner,
        greedy_planner,
        transitive_planner,
        layered_planner,
    )
}
SORTERS: dict[str, Sorter] = {
    sorter.__name__: sorter for sorter in (noop_order_signals, order_signals)
}


def operator_graph(net: nengo.Network) -> OperatorGraph:
    """Build the operators of a network, as the simulator gives them to the optimizer.

    Parameters
    ----------
    net : nengo.Network
        The network.

    Returns
    -------
    graph : OperatorGraph
        The operators, and what the simulator knows of their signals.
    """
    # Whoever imports this module need not wait for TensorFlow.
    from nengo_dl_core import Simulator, configure_settings

    net = net.copy()  # or its settings for the optimization would be changed
    with net:
        configure_settings(
            simplifications=[], planner=noop_planner, sorter=noop_order_signals
        )
    with Simulator(net, progress_bar=False) as sim:
        graph: OperatorGraph = sim.program.optimized.graph
    return graph


@dataclass
class Clock:
    """Takes the times between the stages that it is told of.

    Attributes
    ----------
    seconds : dict of str to float
        Duration of each stage that has ended.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    _stage: str | None = None
    _start: float = 0.0

    def __call__(self, stage: str | None) -> None:
        """End the present stage and begin another.

        Parameters
        ----------
        stage : str or None
            The stage that begins; None if there is none.
        """
        now = perf_counter()
        if self._stage is not None:
            self.seconds[self._stage] = now - self._start
        self._stage, self._start = stage, now


@dataclass(frozen=True)
class Simplified:
    """What one simplification has done.

    Parameters
    ----------
    name : str
        Name of the simplification.
    seconds : float
        Time that it took.
    operators : int
        Number of operators after it.
    """

    name: str
    seconds: float
    operators: int


def try_simplifications(
    graph: OperatorGraph, simplifications: Sequence[Simplification]
) -> list[Simplified]:
    """Apply simplifications once, one after the other.

    Parameters
    ----------
    graph : OperatorGraph
        The operators.
    simplifications : sequence of Simplification
        What to apply.

    Returns
    -------
    results : list of Simplified
        What each of them did to what was left by the one before.
    """
    results = []
    for simplification in simplifications:
        start = perf_counter()
        graph = graph.follow(simplification(graph))
        taken = perf_counter() - start
        results.append(Simplified(_name(simplification), taken, len(graph)))
    return results


def _name(function: Any) -> str:
    return getattr(function, "__name__", str(function))


@dataclass(frozen=True)
class Planned:
    """What a planner and a sorter have made of a graph.

    Parameters
    ----------
    planner, sorter : str
        Their names.
    seconds : dict of str to float
        Time for ``"simplifying"`` (which finds nothing to do), ``"planning"``,
        ``"sorting"`` and ``"laying out"``.
    optimized : OptimizedGraph
        The result.
    """

    planner: str
    sorter: str
    seconds: dict[str, float]
    optimized: OptimizedGraph


def try_plan(graph: OperatorGraph, planner: str, sorter: str) -> Planned:
    """Plan, sort and lay out simplified operators.

    Parameters
    ----------
    graph : OperatorGraph
        The operators.
    planner : str
        One of ``PLANNERS``.
    sorter : str
        One of ``SORTERS``.

    Returns
    -------
    planned : Planned
        The result.
    """
    clock = Clock()
    optimized = optimize(
        graph,
        planner=PLANNERS[planner],
        sorter=SORTERS[sorter],
        simplifications=[],
        progress=clock,
    )
    clock(None)
    return Planned(planner, sorter, clock.seconds, optimized)


@dataclass(frozen=True)
class Plans:
    """What the optimizer makes of a network.

    Parameters
    ----------
    operators, left : int
        Number of operators before all simplifications, and when none helps any more.
    simplified : sequence of Simplified
        What each simplification does, applied once.
    planned : sequence of Planned
        What each planner and sorter does with what is left.
    """

    operators: int
    left: int
    simplified: Sequence[Simplified]
    planned: Sequence[Planned]

    def tables(self) -> tuple[Table, Table]:
        """Return a table of the simplifications, and one of the plans."""
        simplified = _simplifications(self.simplified, self.operators, self.left)
        return simplified, _plans(self.planned)

    def plot(self) -> Figure:
        """Draw what groups do to blocks, as planned and sorted last; see `picture`."""
        return picture(self.planned[-1].optimized)

    def __str__(self) -> str:
        return as_text(*self.tables())


def try_plans(
    net: nengo.Network,
    planners: Sequence[str],
    report: Callable[[str], None] = lambda _: None,
) -> Plans:
    """Try simplifications, then each planner with each sorter.

    Parameters
    ----------
    net : nengo.Network
        The network.
    planners : sequence of str
        Names in ``PLANNERS``.
    report : callable
        Is told what is done next.

    Returns
    -------
    plans : Plans
        What came of it.
    """
    graph = operator_graph(net)
    report("simplify")
    simplified = try_simplifications(graph, default_simplifications)
    left = simplify(graph, default_simplifications)
    planned = []
    for planner, sorter in product(planners, SORTERS):
        report(f"{planner}, {sorter}")
        planned.append(try_plan(left, planner, sorter))
    return Plans(len(graph), len(left), simplified, planned)


def _simplifications(results: Sequence[Simplified], before: int, after: int) -> Table:
    table = Table("simplification")
    for column in ("time", "operators removed", "left"):
        table.add_column(column, justify="right")
    total = before
    for result in results:
        table.add_row(
            result.name,
            seconds(result.seconds),
            str(before - result.operators),
            str(result.operators),
        )
        before = result.operators
    table.add_section()
    table.add_row("all, until none helps", "", str(total - after), str(after))
    return table


def _plans(tried: Sequence[Planned]) -> Table:
    table = Table("planner")
    for column in ("time", "groups"):
        table.add_column(column, justify="right")
    table.add_column("sorter")
    for column in ("time", "blocks", "in one piece"):
        table.add_column(column, justify="right")
    for found in tried:
        summary = found.optimized.summary
        table.add_row(
            found.planner.removesuffix("_planner"),
            seconds(found.seconds["planning"]),
            str(summary.groups),
            found.sorter.removesuffix("_signals"),
            seconds(found.seconds["sorting"]),
            str(summary.blocks),
            f"{summary.contiguous:.0%}",
        )
    return table


def picture(optimized: OptimizedGraph) -> Figure:
    """Draw what each group of operators does to each block of memory.

    Parameters
    ----------
    optimized : OptimizedGraph
        Groups and blocks.

    Returns
    -------
    figure : matplotlib.figure.Figure
        A line for each group, in the order in which they run, and a column for each
        block; a bar covers the part of the block that is read (below) or written
        (above).
    """
    from matplotlib.figure import Figure

    blocks, layout = optimized.layout.blocks, optimized.layout
    height = 1.5 + 0.25 * len(optimized.plan)
    figure = Figure(figsize=(10, height), layout="constrained", dpi=120)
    axes = figure.subplots()
    for line, group in enumerate(optimized.plan):
        for bottom, color, accesses in (
            (line, "C0", ("reads",)),
            (line - 0.4, "C1", ("sets", "incs", "updates")),
        ):
            bars = []
            for op in group:
                for signal in (sig for name in accesses for sig in getattr(op, name)):
                    view = layout.view(signal)
                    rows = max(blocks[view.block].shape[0], 1)
                    for start, stop in view.slices:
                        left = view.block + 0.05 + 0.9 * start / rows
                        bars.append((left, 0.9 * (stop - start) / rows))
            axes.broken_barh(bars, (bottom, 0.4), color=color)
    names = [f"{type(group[0]).__name__} ({len(group)})" for group in optimized.plan]
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xticks(
        [number + 0.5 for number in range(len(blocks))],
        ["×".join(map(str, block.shape)) for block in blocks],
        rotation=90,
    )
    axes.set_xlim(0, len(blocks))
    axes.vlines(range(len(blocks) + 1), -0.5, len(names) - 0.5, color="0.85", lw=0.6)
    axes.set_xlabel("blocks, by shape")
    axes.set_title("What groups of operators write (orange) and read (blue)")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure
