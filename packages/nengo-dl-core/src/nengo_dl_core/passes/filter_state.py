"""Removes the state of first-order filters, which repeats their output."""

from __future__ import annotations

from collections.abc import Sequence

from nengo.builder.operator import Operator
from nengo.builder.processes import SimProcess
from nengo.synapses import LinearFilter

from nengo_dl_core.builders.lowpass import filter_step
from nengo_dl_optimizer import OperatorGraph


def remove_filter_state(operators: Sequence[Operator]) -> OperatorGraph:
    """Remove the state of first-order filters, which equals their output.

    Without it, filters of any sizes are computed together, and half as much is carried
    from step to step. Filters stay as they are where the length of a step is not known.

    Parameters
    ----------
    operators : sequence of nengo.builder.Operator
        Operators in the model.

    Returns
    -------
    new_operators : nengo_dl_optimizer.OperatorGraph
        The same, with other operators in place of first-order filters.
    """
    graph = OperatorGraph.of(operators)
    filters = [op for op in graph if _keeps_its_output_twice(op, graph.dt)]
    if not filters:
        return graph
    new = {op: _without_state(op) for op in filters}
    return graph.with_operators(new.get(op, op) for op in graph)


def _keeps_its_output_twice(op: Operator, dt: float | None) -> bool:
    return (
        dt is not None
        and isinstance(op, SimProcess)
        and type(op.process).make_step is LinearFilter.make_step
        and op.mode == "update"
        and bool(op.state)
        and isinstance(filter_step(op, dt), LinearFilter.OneX)
    )


def _without_state(op: SimProcess) -> SimProcess:
    return SimProcess(op.process, op.input, op.output, op.t, mode="update", tag=op.tag)
