"""What an optimization has achieved, in numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from nengo.builder.signal import Signal

from .dependencies import ACCESSES
from .graph import OperatorGraph
from .layout import Layout
from .protocols import Plan


@dataclass(frozen=True)
class Summary:
    """Sizes before and after an optimization.

    Parameters
    ----------
    operators_before, operators : int
        Number of operators before and after simplification.
    signals_before, signals : int
        Number of base signals before and after simplification.
    groups : int
        Number of groups, which is the number of operations in a step.
    blocks : int
        Number of blocks of memory.
    contiguous : float
        Share of the groups' inputs and outputs that lie in one piece of memory, in
        the order of the group's operators.

    Examples
    --------
    >>> from nengo_dl_optimizer import Summary
    >>> print(Summary(12, 8, 10, 7, 5, 4, 0.875))
                before  after
    operators       12      8
    signals         10      7
    groups          12      5
    blocks          10      4
    contiguous       -    88%
    """

    operators_before: int
    operators: int
    signals_before: int
    signals: int
    groups: int
    blocks: int
    contiguous: float

    def __str__(self) -> str:
        rows = [
            ("", "before", "after"),
            ("operators", str(self.operators_before), str(self.operators)),
            ("signals", str(self.signals_before), str(self.signals)),
            ("groups", str(self.operators_before), str(self.groups)),
            ("blocks", str(self.signals_before), str(self.blocks)),
            ("contiguous", "-", f"{self.contiguous:.0%}"),
        ]
        return "\n".join(f"{name:10} {old:>7} {new:>6}" for name, old, new in rows)


def summarize(
    before: OperatorGraph, graph: OperatorGraph, plan: Plan, layout: Layout
) -> Summary:
    """Compare a graph with what optimization has made of it.

    Parameters
    ----------
    before, graph : OperatorGraph
        The operators before and after simplification.
    plan : list of tuple of Operator
        The groups of operators.
    layout : Layout
        The layout of their signals.
    """
    return Summary(
        operators_before=len(before),
        operators=len(graph),
        signals_before=len(before.signals),
        signals=len(graph.signals),
        groups=len(plan),
        blocks=len(layout.blocks),
        contiguous=contiguous_share(plan, layout),
    )


def contiguous_share(plan: Plan, layout: Layout) -> float:
    """Return the share of the groups' inputs and outputs that are in one piece.

    Parameters
    ----------
    plan : list of tuple of Operator
        The groups of operators.
    layout : Layout
        The layout of their signals.

    Returns
    -------
    share : float
        Between 0 and 1; 1 if there are no groups.
    """
    accesses = [
        _is_contiguous(layout, [getattr(op, access)[slot] for op in group])
        for group in plan
        for access in ACCESSES
        for slot in range(len(getattr(group[0], access)))
    ]
    return sum(accesses) / len(accesses) if accesses else 1.0


def _is_contiguous(layout: Layout, signals: Iterable[Signal]) -> bool:
    """Whether signals are one slice of one block, in the given order.

    A signal that all operators have in common counts once.
    """
    views = [layout.view(signal) for signal in signals]
    if all(view == views[0] for view in views):
        views = views[:1]
    slices = [piece for view in views for piece in view.slices]
    return len({view.block for view in views}) == 1 and all(
        stop == start for (_, stop), (start, _) in pairwise(slices)
    )
