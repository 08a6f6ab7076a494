"""Finds the Nengo object that an operator belongs to, for messages."""

from __future__ import annotations

from typing import Any

from nengo.builder import Model
from nengo.builder.operator import Operator
from nengo.builder.signal import Signal

from nengo_dl_optimizer import OperatorGraph, written_signals


class Owners:
    """Finds the Nengo object that an operator belongs to.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.
    graph : nengo_dl_optimizer.OperatorGraph
        Its operators, simplified or not.
    """

    def __init__(self, model: Model, graph: OperatorGraph) -> None:
        self._owners: dict[Signal, Any] = {}
        for obj, sigs in model.sig.items():
            for sig in sigs.values():
                if isinstance(sig, Signal):
                    self._owners.setdefault(graph.current(sig).base, obj)

    def owner(self, op: Operator) -> Any | None:
        """Return the object whose signals an operator writes, or else reads.

        Parameters
        ----------
        op : nengo.builder.Operator
            An operator of the graph.

        Returns
        -------
        obj : NengoObject or None
            None if the signals belong to no object.
        """
        for sig in [*written_signals(op), *op.reads]:
            if sig.base in self._owners:
                return self._owners[sig.base]
        return None

    def describe(self, op: Operator) -> str:
        """Name an operator, and the object that it works for.

        Parameters
        ----------
        op : nengo.builder.Operator
            An operator of the graph.

        Returns
        -------
        words : str
            For example ``"<Node 'feeder'> (SimPyFunc)"``.
        """
        owner = self.owner(op)
        return str(op) if owner is None else f"{owner} ({type(op).__name__})"
