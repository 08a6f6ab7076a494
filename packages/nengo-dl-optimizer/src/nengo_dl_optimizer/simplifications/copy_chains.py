"""Signals that are nothing but copies of others."""

from __future__ import annotations

from collections.abc import Sequence

from nengo.builder.operator import Copy, Operator, Reset
from nengo.builder.probe import SimProbe
from nengo.builder.signal import Signal

from ..extents import is_whole, view_like
from ..graph import OperatorGraph
from ..merging import written_signals
from ..rewriting import substitute


def remove_copy_chains(operators: Sequence[Operator]) -> OperatorGraph:
    """Let operators read a signal itself instead of a copy of it.

    If the whole of a signal is nothing but the copy of (a part of) another one, or is
    reset to zero and incremented by the other one, the operators that read the copy can
    as well read the original. Nengo builds such copies for each connection without
    a transform and for each passthrough node. Chains of copies go in one pass.

    Parameters
    ----------
    operators : sequence of Operator
        Operators in the model.

    Returns
    -------
    new_operators : OperatorGraph
        The operators without such copies; ``replaced`` names the originals.

    Notes
    -----
    The original may be updated at the end of the step, after all reads. A probe, which
    looks at its signal after that, must then keep the copy, and so must an operator
    that itself writes the original, as it would wait for itself. All others read the
    same value as before.
    """
    graph = OperatorGraph.of(operators)
    originals = _originals(graph)
    if not originals:
        return graph
    kept = (
        op for op in graph if not any(s.base in originals for s in (*op.sets, *op.incs))
    )
    return graph.with_operators(substitute(kept, originals), originals)


def _originals(graph: OperatorGraph) -> dict[Signal, Signal]:
    """Return the copies that can be done without, and what they are copies of."""
    sources = {
        base: source
        for base in graph.sets
        if (source := _source(graph, base)) is not None
    }
    originals: dict[Signal, Signal] = {}
    seen: set[Signal] = set()
    for base in sources:
        chain = []
        while base in sources and base not in seen:
            seen.add(base)
            chain.append(base)
            base = sources[base].base
        for copied in reversed(chain):
            source = sources[copied]
            original = view_like(source, originals.get(source.base, source.base))
            if _may_read(graph, copied, original):
                originals[copied] = original
    return originals


def _source(graph: OperatorGraph, base: Signal) -> Signal | None:
    """Return what a signal is a mere copy of, if it is one."""
    writers = (*graph.sets[base], *graph.incs.get(base, ()))
    if base in graph.updates or not graph.fact(base).constant:
        return None
    copy = writers[-1]
    if type(copy) is not Copy or copy.src_slice is not None:
        return None
    if copy.inc:
        reset = writers[0]
        alone = len(writers) == 2 and type(reset) is Reset and reset.value == 0
        alone = alone and is_whole(reset.dst)
    else:
        alone = len(writers) == 1
    source = copy.src
    return (
        source
        if alone
        and copy.dst_slice is None
        and is_whole(copy.dst)
        and source.base is not base
        and source.shape == base.shape
        and source.dtype == base.dtype
        and not source.sparse
        and source.initial_value.flags.c_contiguous
        and graph.fact(source).trainable is None
        and graph.fact(source).minibatched == graph.fact(base).minibatched
        else None
    )


def _may_read(graph: OperatorGraph, copied: Signal, original: Signal) -> bool:
    """Whether all readers of a copy may read the original instead."""
    return not any(
        (type(op) is SimProbe and original.base in graph.updates)
        or any(signal.base is original.base for signal in written_signals(op))
        for op in graph.reads.get(copied, ())
    )
