"""What is computed after the loop, because only probes depend on it.

To decode for a probe a step reads a matrix, which for a large ensemble takes longer
than everything that the step does with the result. Nothing in the loop waits for it.
So the loop keeps what the matrix multiplies, and afterwards one product serves several
steps. What follows from there and has state, such as the probe's filter, is computed by
another loop, step by step.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from nengo.builder.operator import (
    Copy,
    DotInc,
    ElementwiseInc,
    Operator,
    Reset,
    SparseDotInc,
)
from nengo.builder.probe import SimProbe
from nengo.builder.processes import SimProcess
from nengo.builder.signal import Signal
from nengo.synapses import LinearFilter

from nengo_dl_core import tuning
from nengo_dl_core.builders.base import Group
from nengo_dl_core.program.time_axis import Stage
from nengo_dl_optimizer import (
    DotSet,
    ElementwiseSet,
    OperatorGraph,
    ResetInc,
    SparseDotSet,
    written_signals,
)

# Types of operators whose result depends on nothing but what they read, so that steps
# are to them what items of a minibatch are; and filters.
_TYPES = (
    Copy,
    DotInc,
    DotSet,
    ElementwiseInc,
    ElementwiseSet,
    Reset,
    ResetInc,
    SimProbe,
    SparseDotInc,
    SparseDotSet,
)


def deferrable(graph: OperatorGraph, minibatch_size: int) -> set[Operator]:
    """Find large products that only probes depend on, and what follows from them.

    Parameters
    ----------
    graph : OperatorGraph
        The operators of a step.
    minibatch_size : int
        Number of items that are simulated at once.

    Returns
    -------
    operators : set of nengo.builder.Operator
        Nothing else depends on what they write.
    """
    candidates = [
        _following(graph, op) for op in graph if _is_large(op, minibatch_size)
    ]
    while True:
        found = set().union(*candidates)
        remaining = [
            ops
            for ops in candidates
            if all(_can_be_kept(graph, found, sig) for op in ops for sig in _read(op))
        ]
        if len(remaining) == len(candidates):
            return found
        candidates = remaining


def _is_large(op: Operator, minibatch_size: int) -> bool:
    return (
        type(op) is DotSet
        and op.A.ndim == 2
        and op.A.size >= tuning.MIN_DEFERRED_SIZE
        and op.A.shape[0] >= tuning.MIN_DEFERRED_ROWS * minibatch_size
    )


def _following(graph: OperatorGraph, product: Operator) -> set[Operator]:
    """An operator and all that depends on it; none if there is one of other types."""
    found = {product}
    left = [product]
    while left:
        op = left.pop()
        is_filter = isinstance(op, SimProcess) and isinstance(op.process, LinearFilter)
        if not is_filter and type(op) not in _TYPES:
            return set()
        for base in {sig.base for sig in written_signals(op)}:
            new = {*graph.writers(base), *graph.reads.get(base, ())} - found
            found |= new
            left += new
    return found


def _read(op: Operator) -> list[Signal]:
    """What an operator reads; linear filters do not ask for the time."""
    is_filter = isinstance(op, SimProcess)
    return [sig for sig in op.reads if not (is_filter and sig is op.t)]


def _can_be_kept(
    graph: OperatorGraph, deferred: Collection[Operator], sig: Signal
) -> bool:
    """Whether the value that is read can still be known after the loop."""
    base, fact = sig.base, graph.fact(sig)
    writers = graph.writers(base)
    if not writers:  # a parameter, if it is the same for all items
        return not (fact.external or fact.minibatched)
    if writers[0] in deferred:
        return True
    # Updates come after what is read, so that the end of a step is too late for it.
    return (
        base not in graph.persistent
        and fact.minibatched
        and np.issubdtype(base.dtype, np.floating)
    )


class Deferral(NamedTuple):
    """The groups of a plan that are computed after the loop.

    Attributes
    ----------
    at_once : list of tuple of nengo.builder.Operator
        Groups without state, computed for several steps at once.
    by_step : list of tuple of nengo.builder.Operator
        The others, in their order.
    kept : list of nengo.builder.Signal
        Base signals that the loop keeps for them.
    results : list of nengo.builder.Signal
        Base signals that are computed at once.
    """

    at_once: Sequence[Group] = ()
    by_step: Sequence[Group] = ()
    kept: Sequence[Signal] = ()
    results: Sequence[Signal] = ()

    @classmethod
    def of(
        cls, plan: Sequence[Group], graph: OperatorGraph, minibatch_size: int
    ) -> Deferral:
        """Divide a plan of which no group mixes what is deferred with what is not.

        Parameters
        ----------
        plan : list of tuple of nengo.builder.Operator
            Groups of operators in execution order.
        graph : OperatorGraph
            Their graph.
        minibatch_size : int
            Number of items that are simulated at once.

        Returns
        -------
        deferral : Deferral
            Its groups; none if the planner did not ask the merge rule.
        """
        found = deferrable(graph, minibatch_size)
        if any(len({op in found for op in group}) > 1 for group in plan):
            return cls()
        at_once: list[Group] = []
        by_step: list[Group] = []
        stepwise = set(graph.persistent)
        for group in plan:
            if group[0] not in found:
                continue
            if stepwise.isdisjoint(sig.base for op in group for sig in op.all_signals):
                at_once.append(group)
            else:
                by_step.append(group)
                stepwise |= _written(group)
        results = set().union(*map(_written, at_once))
        kept = {
            sig.base
            for op in found
            for sig in _read(op)
            if not found.issuperset(graph.writers(sig))
        }
        return cls(
            at_once,
            by_step,
            [sig for sig in graph.signals if sig in kept],
            [sig for sig in graph.signals if sig in results],
        )

    @property
    def written(self) -> set[Signal]:
        """The base signals that it computes."""
        return set().union(*map(_written, (*self.at_once, *self.by_step)))

    def stages(
        self,
        plan: Sequence[Group],
        sources: Sequence[Signal],
        probed: Sequence[Signal],
    ) -> list[Stage]:
        """Divide a simulation: what is not deferred, products, and what follows.

        Parameters
        ----------
        plan : list of tuple of nengo.builder.Operator
            All groups.
        sources : list of nengo.builder.Signal
            What comes from outside.
        probed : list of nengo.builder.Signal
            Base signals whose values are wanted.

        Returns
        -------
        stages : list of Stage
            None at all if nothing is deferred.
        """
        deferred = {*self.at_once, *self.by_step}
        if not deferred:
            return []
        late = [i for i, base in enumerate(probed) if base in self.written]
        early = [i for i in range(len(probed)) if i not in late]
        rest = [group for group in plan if group not in deferred]
        after = [*self.kept, *self.results]
        return [
            Stage(False, rest, sources, early, self.kept, (), ()),
            Stage(True, self.at_once, self.kept, (), self.results, (), ()),
            Stage(False, self.by_step, after, late, (), (), ()),
        ]


def _written(group: Group) -> set[Signal]:
    return {sig.base for op in group for sig in written_signals(op)}
