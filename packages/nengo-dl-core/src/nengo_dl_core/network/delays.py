"""Lets the delays of connections be parameters."""

from __future__ import annotations

import nengo
import numpy as np
from nengo.builder import Model
from nengo.builder.operator import Operator
from nengo.builder.processes import SimProcess
from nengo.builder.signal import Signal

from nengo_dl_core.network.build import NengoBuilder
from nengo_dl_core.synapses import Delay

_build_connection = NengoBuilder.builders[nengo.Connection]


@NengoBuilder.register(nengo.Connection)
def build_delayed_connection(model: Model, conn: nengo.Connection) -> None:
    """Build a connection; if its delays can be learned, they are a signal.

    Parameters
    ----------
    model : nengo.builder.Model
        The model to build into.
    conn : nengo.Connection
        The connection.
    """
    _build_connection(model, conn)
    delay = conn.synapse
    if (
        not isinstance(delay, Delay)
        or delay.max_steps is None
        or isinstance(conn.post_obj, nengo.Probe)
    ):
        return
    steps = np.atleast_1d(delay.steps)
    delays = Signal(steps, name=f"{conn}.delays", readonly=True)
    filtered = model.sig[conn]["weighted"]
    op = next(op for op in reversed(model.operators) if filtered in op.updates)
    op.reads.append(delays)
    model.sig[conn]["delays"] = delays


def learned_delays(op: Operator) -> Signal | None:
    """Find the delays of an operator that are parameters.

    Parameters
    ----------
    op : nengo.builder.processes.SimProcess
        The operator of a synapse.

    Returns
    -------
    delays : nengo.builder.Signal or None
        One delay in steps, or one for each element, between two steps as well; None if
        they are those of the synapse.
    """
    assert isinstance(op, SimProcess)
    return op.reads[2] if len(op.reads) > 2 else None
