"""How many numbers a simulation has to keep."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import nengo
from nengo.builder import Model
from nengo.builder.operator import Copy, ElementwiseInc, Operator, TimeUpdate
from nengo.builder.signal import Signal

from nengo_dl_optimizer import OperatorGraph, written_signals


def parameter_elements(
    model: Model,
    values: Mapping[Signal, Any],
    inputs: Collection[Signal],
    learned: Collection[Signal],
) -> int:
    """Count the numbers that a simulation needs, and does not change but by learning.

    Biases that are all zero and factors that are all one are none, nor are encoders
    that nothing reaches, and the numbers that neuron types, synapses and processes
    hold.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.
    values : mapping of {nengo.builder.Signal: ndarray}
        Present values of its parameters.
    inputs : set of nengo.builder.Signal
        What Nodes give to the simulation, if it is not constant.
    learned : set of nengo.builder.Signal
        Weights that learning rules change.

    Returns
    -------
    n_elements : int
        Elements of weights, encoders, biases, gains and constants; of sparse weights
        the stored ones.
    """
    written = {sig.base for op in model.operators for sig in written_signals(op)}
    read = {sig.base for op in model.operators for sig in op.reads}
    needed = read - ((written | {*inputs}) - {*learned}) - unused_encoders(model)
    terms = {op.src.base for op in model.operators if type(op) is Copy}
    factors = {op.A.base for op in model.operators if type(op) is ElementwiseInc}
    nodes = {model.sig[node].get("out") for node in model.toplevel.all_nodes} & needed
    neutral = {
        *(sig for sig in nodes if (sig.initial_value == 1).all()),
        *(sig for sig in (needed - nodes) & terms if (values[sig] == 0).all()),
        *(sig for sig in (needed - nodes) & factors if (values[sig] == 1).all()),
    }
    return sum(sig.size for sig in needed - neutral)


def state_elements(model: Model, learned: Collection[Signal]) -> int:
    """Count the numbers that a step leaves to the next.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.
    learned : set of nengo.builder.Signal
        Weights that learning rules change, which are parameters.

    Returns
    -------
    n_elements : int
        Elements of the states of neurons, filters and learning rules. What a filter
        computes from its state is not counted again.
    """
    return sum(sig.size for sig in set(_states(model.operators)) - {*learned})


def _states(operators: Collection[Operator]) -> Iterator[Signal]:
    for op in operators:
        if not isinstance(op, TimeUpdate):
            own = [sig for sig in getattr(op, "state", {}).values() if sig.size]
            yield from (sig.base for sig in own or op.updates)


def unused_encoders(model: Model) -> set[Signal]:
    """Find encoders that no neurons need, or that nothing is connected to.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.

    Returns
    -------
    encoders : set of nengo.builder.Signal
        Those of ensembles in direct mode, and of those to whose neurons alone there are
        connections.
    """
    graph = OperatorGraph(model.operators)
    return {
        signals["encoders"].base
        for obj, signals in model.sig.items()
        if isinstance(obj, nengo.Ensemble)
        and (
            isinstance(obj.neuron_type, nengo.Direct)
            or (
                signals["in"].base not in graph.incs
                and len(graph.reads[signals["encoders"].base]) == 1
            )
        )
    }
