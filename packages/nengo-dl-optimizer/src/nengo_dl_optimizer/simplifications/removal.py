"""Removes operators, but not the places of signals that are asked for."""

from __future__ import annotations

from collections.abc import Collection

from nengo.builder.operator import Operator
from nengo.builder.probe import SimProbe

from ..graph import OperatorGraph


def without(graph: OperatorGraph, removed: Collection[Operator]) -> OperatorGraph:
    """Remove operators.

    Signals that were in them alone, and whose facts ask for a place in memory, are
    marked with a `~nengo.builder.probe.SimProbe`; but not in a model without any probe,
    which `remove_dead_operators` tells by having none.

    Parameters
    ----------
    graph : OperatorGraph
        The operators of a model.
    removed : collection of Operator
        Those that are to go.

    Returns
    -------
    graph : OperatorGraph
        The others, and the marks; the very same graph if nothing is removed.
    """
    if not removed:
        return graph
    left = [op for op in graph if op not in removed]
    seen = {signal.base for op in left for signal in op.all_signals}
    lost = dict.fromkeys(
        signal.base
        for op in graph
        if op in removed
        for signal in op.all_signals
        if signal.base not in seen and graph.fact(signal).placed
    )
    probed = any(type(op) is SimProbe for op in graph)
    return graph.with_operators([*left, *(map(SimProbe, lost) if probed else ())])
