"""The values of input Nodes that are known before the steps that read them."""

from __future__ import annotations

import nengo
import numpy as np

from nengo_dl_core.engine.executor import Array, Data
from nengo_dl_core.network.inputs import NodeInput, evaluate
from nengo_dl_core.values.session import Session


def input_values(
    session: Session, sources: list[NodeInput], steps: range, data: Data
) -> dict[nengo.Node, Array]:
    """Take what is given for input Nodes, and evaluate the others.

    Parameters
    ----------
    session : Session
        The simulation.
    sources : list of NodeInput
        The Nodes, none of which has to be evaluated within a step.
    steps : range
        Numbers of the steps.
    data : dict of {nengo.Node: ndarray}
        What is given, ``(minibatch_size, n_steps, size_out)``.

    Returns
    -------
    values : dict of {nengo.Node: ndarray}
        For each Node its output, ``(n_steps, minibatch_size, size_out)``.
    """
    program = session.program
    own = [source for source in sources if source.node not in data]
    values = evaluate(
        own, steps, program.dt, program.minibatch_size, session.generators
    )
    given = {
        source.node: np.swapaxes(data[source.node], 0, 1)
        for source in sources
        if source.node in data
    }
    return values | given
