"""Circles of linear operators, which can be computed by powers of a matrix.

The memory of a Legendre memory unit, made of Nodes with a connection back, is one. Each
of its operators waits for the others, but all of them together are a linear recurrence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from nengo.builder.operator import Operator, Reset
from nengo.builder.signal import Signal

from nengo_dl_core import tuning
from nengo_dl_core.builders.base import Group
from nengo_dl_core.builders.linear_circle import LinearCircle
from nengo_dl_core.builders.recurrence import Sizes
from nengo_dl_optimizer import OperatorGraph, written_signals


class LinearCircles:
    """Finds what belongs to a circle of linear operators, and whether it pays.

    Parameters
    ----------
    graph : OperatorGraph
        All operators.
    linear : set of nengo.builder.Operator
        Those whose results are linear in what they read; see `OpBuilder.is_linear`.
    probed : list of nengo.builder.Signal
        Base signals that are wanted.
    n_steps, n_items : int
        Numbers of steps, and of items in a minibatch.
    """

    def __init__(
        self,
        graph: OperatorGraph,
        linear: Collection[Operator],
        probed: Collection[Signal],
        n_steps: int,
        n_items: int,
    ) -> None:
        self._graph, self._probed = graph, probed
        self._linear = {op for op in linear if len(self._dependent(op.reads)) <= 1}
        self._n_steps, self._n_items = n_steps, n_items

    def of(self, component: Sequence[Operator]) -> list[Operator]:
        """Find the circle that a strongly connected component is part of.

        Parameters
        ----------
        component : list of nengo.builder.Operator
            Operators that wait for each other.

        Returns
        -------
        circle : list of nengo.builder.Operator
            These, and those that prepare their inputs; none if it does not pay.
        """
        if not self._linear.issuperset(component):
            return []
        found = set(component)
        for sig in self._inputs(component):
            found |= self._preparing(sig, found)[1]
        circle = [op for op in self._graph if op in found]
        return circle if self._pays(circle) else []

    def _preparing(
        self, sig: Signal, circle: set[Operator]
    ) -> tuple[int, set[Operator]]:
        """Find operators that make an input of a circle from less than it has.

        Returns
        -------
        size : int
            How many numbers are read in its place.
        operators : set of nengo.builder.Operator
            None if it stays as it is.
        """
        graph, base = self._graph, sig.base
        writers = set(graph.writers(base)) - circle
        own = base in _written(circle)
        if (
            base in graph.persistent
            or not self._linear.issuperset(writers)
            or any(_written([op]).keys() != {base} for op in writers)
            or not (own or circle.issuperset(graph.reads[base]))
            or (base in self._probed and not own)
        ):
            return sig.size, set()
        found, size = set(writers), 0
        for read in self._read(writers):
            n_read, more = self._preparing(read, circle | found)
            size += n_read
            found |= more
        return (size, found) if writers and size < sig.size else (sig.size, set())

    def _dependent(self, signals: Iterable[Signal]) -> list[Signal]:
        """Choose the signals whose values depend on the step."""
        return [sig for sig in signals if self._graph.fact(sig).minibatched]

    def _read(self, ops: Iterable[Operator]) -> list[Signal]:
        """List what operators read that depends on the step."""
        return self._dependent(dict.fromkeys(sig for op in ops for sig in op.reads))

    def _inputs(self, circle: Collection[Operator]) -> list[Signal]:
        """List what a circle reads that others write."""
        graph, own = self._graph, _written(circle)
        partly = [
            base
            for base in own
            if base not in graph.persistent
            and not set(circle).issuperset(graph.writers(base))
        ]
        elsewhere = [sig for sig in self._read(circle) if sig.base not in own]
        return [*elsewhere, *partly]

    def _results(self, circle: Collection[Operator]) -> list[Signal]:
        """List what a circle writes that others read, or that is probed."""
        graph = self._graph
        return [
            base
            for base in _written(circle)
            if base in self._probed
            or not set(circle).issuperset(graph.reads.get(base, ()))
        ]

    def _state(self, circle: Collection[Operator]) -> list[Signal]:
        return [base for base in _written(circle) if base in self._graph.persistent]

    def _pays(self, circle: Collection[Operator]) -> bool:
        """Whether powers are faster than one step after the other."""
        state, inputs, results = (
            sum(sig.size for sig in find(circle))
            for find in (self._state, self._inputs, self._results)
        )
        if not results:
            return False
        sizes = Sizes(state, inputs + 1, results, self._n_steps, self._n_items)
        of_item = sum(sig.size for op in circle for sig in op.all_signals)
        of_step = tuning.LOOP_FACTOR * self._n_items * of_item
        of_loop = self._n_steps * (of_step + tuning.MULTIPLICATIONS_OF_A_STEP)
        return sizes.n_multiplications <= of_loop

    def operator(
        self, circle: Collection[Operator], plan: Sequence[Group]
    ) -> LinearCircle:
        """Make one operator of a circle.

        Parameters
        ----------
        circle : list of nengo.builder.Operator
            What `of` has found.
        plan : list of tuple of nengo.builder.Operator
            Groups of all operators, in execution order.

        Returns
        -------
        operator : LinearCircle
            Computes what they compute, for many steps at once.
        """
        chosen = [tuple(op for op in group if op in circle) for group in plan]
        constant = [
            op
            for op in circle
            if not self._read([op])
            and not (isinstance(op, Reset) and np.all(op.value == 0))
        ]
        return LinearCircle(
            list(filter(None, chosen)),
            self._inputs(circle),
            self._state(circle),
            self._results(circle),
            bool(constant),
        )


def _written(ops: Iterable[Operator]) -> dict[Signal, None]:
    """List the base signals that operators write, in a fixed order."""
    return dict.fromkeys(sig.base for op in ops for sig in written_signals(op))
