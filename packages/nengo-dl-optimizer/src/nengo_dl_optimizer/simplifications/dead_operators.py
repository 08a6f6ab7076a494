"""Operators whose results nobody looks at."""

from __future__ import annotations

from collections.abc import Sequence

from nengo.builder.operator import Operator
from nengo.builder.probe import SimProbe
from nengo.builder.signal import Signal

from ..graph import OperatorGraph
from ..merging import written_signals
from .effects import has_side_effects
from .removal import without


def remove_dead_operators(operators: Sequence[Operator]) -> OperatorGraph:
    """Remove operators whose results never reach a probe or a side effect.

    Probes, Python functions and operators of unknown types are kept, together with
    all that what they read depends on, in this step or in earlier ones. So is what
    changes parameters of the model: signals that are trained, could be, or belong to
    the outside. Parameters that removed operators have read, and what else is to be
    kept, are marked with a `~nengo.builder.probe.SimProbe`, so that they still have a
    place in memory. A model without any probe is left as it is, as somebody must look
    at it in another way.

    Parameters
    ----------
    operators : sequence of Operator
        Operators in the model.

    Returns
    -------
    new_operators : OperatorGraph
        The operators without the dead ones.
    """
    graph = OperatorGraph.of(operators)
    if not any(type(op) is SimProbe for op in graph):
        return graph
    pending = [op for op in graph if has_side_effects(op) or _writes(graph, op)]
    live = set(pending)
    seen: set[Signal] = set()
    while pending:
        bases = {signal.base for signal in pending.pop().all_signals}
        for base in bases - seen:
            writers = [op for op in graph.writers(base) if op not in live]
            live.update(writers)
            pending += writers
        seen |= bases
    return without(graph, set(graph) - live)


def _writes(graph: OperatorGraph, op: Operator) -> bool:
    """Whether an operator changes a parameter."""
    return any(not graph.fact(signal).constant for signal in written_signals(op))
