"""How many bits a simulation has to keep."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import nengo
from nengo.builder import Model
from nengo.builder.operator import Copy, ElementwiseInc, Operator, TimeUpdate
from nengo.builder.processes import SimProcess
from nengo.builder.signal import Signal

from nengo_dl_core.network.quantization import number_formats, quantized_objects
from nengo_dl_core.quantization import CURRENT_BITS
from nengo_dl_optimizer import OperatorGraph, written_signals

SHIFT_BITS = 8  # of a gain that is a power of two


def few_bits(model: Model) -> dict[Signal, int]:
    """Find numbers that have few bits because the network is quantized.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.

    Returns
    -------
    bits : dict of {nengo.builder.Signal: int}
        How many each element of a signal has: weights and biases, gains, by which
        integers are shifted, voltages, and currents that wait in a synapse.
    """
    bits = {sig: form.bits for sig, form in number_formats(model).items()}
    currents = set()
    for obj, quantization in quantized_objects(model.toplevel):
        if isinstance(obj, nengo.Ensemble):
            state = model.sig[obj.neurons]
            bits[state["voltage"]] = quantization.state_bits
            if "refractory_time" in state:
                bits[state["refractory_time"]] = 0  # such neurons have none
        else:
            currents.add(model.sig[obj]["weighted"])
    for op in model.operators:
        if type(op) is SimProcess and op.output in currents:
            bits |= dict.fromkeys(_states([op]), CURRENT_BITS)
        elif type(op) is ElementwiseInc and op.X in currents:
            bits[op.A.base] = SHIFT_BITS
    return bits


def parameter_bits(
    model: Model,
    values: Mapping[Signal, Any],
    inputs: Collection[Signal],
    learned: Collection[Signal],
    bits: Mapping[Signal, int],
    float_bits: int,
) -> int:
    """Count the bits that a simulation needs, and does not change but by learning.

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
    bits : mapping of {nengo.builder.Signal: int}
        Bits of numbers that are quantized (`few_bits`).
    float_bits : int
        Bits of the others.

    Returns
    -------
    n_bits : int
        Of weights, encoders, biases, gains and constants; of sparse weights those of
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
    return sum(sig.size * bits.get(sig, float_bits) for sig in needed - neutral)


def state_bits(
    model: Model,
    learned: Collection[Signal],
    bits: Mapping[Signal, int],
    float_bits: int,
) -> int:
    """Count the bits that a step leaves to the next.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.
    learned : set of nengo.builder.Signal
        Weights that learning rules change, which are parameters.
    bits : mapping of {nengo.builder.Signal: int}
        Bits of numbers that are quantized (`few_bits`).
    float_bits : int
        Bits of the others.

    Returns
    -------
    n_bits : int
        Of the states of neurons, filters and learning rules. What a filter computes
        from its state is not counted again.
    """
    states = set(_states(model.operators)) - {*learned}
    return sum(sig.size * bits.get(sig, float_bits) for sig in states)


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
