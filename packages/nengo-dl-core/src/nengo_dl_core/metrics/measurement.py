"""Counts the operations of a network in a run."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import nengo
import numpy as np
import numpy.typing as npt
from nengo.builder import Model
from nengo.builder.probe import SimProbe
from nengo.builder.signal import Signal
from nengo.exceptions import ValidationError

from nengo_dl_core.metrics.counters import Activity, Changes, Counter
from nengo_dl_core.metrics.footprint import few_bits, parameter_bits, state_bits
from nengo_dl_core.metrics.results import (
    ConnectionMetrics,
    NetworkMetrics,
    NeuronMetrics,
)
from nengo_dl_core.metrics.structure import (
    AppliedWeights,
    Population,
    find_structure,
)
from nengo_dl_core.metrics.weightings import WEIGHTINGS, weights_of
from nengo_dl_core.progress import ProgressBar, shown_progress
from nengo_dl_core.simulator import Simulator
from nengo_dl_core.training.samples import given_inputs
from nengo_dl_core.values.object_names import tensor_nodes
from nengo_dl_core.values.signal_values import SignalValues

Array = npt.NDArray[Any]


class _Recording(Simulator):
    """A simulator whose Probes record all steps, whatever the network says."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for storage in self.probe_data.values():
            storage.keep_history = True


def measure(
    sim: Simulator,
    data: Any = None,
    n_steps: int | None = None,
    progress_bar: bool | nengo.utils.progress.ProgressBar | None = None,
) -> NetworkMetrics:
    """Measure what a network takes: memory, operations, energy.

    The network is run on data, minibatch by minibatch, each from the initial state,
    with the present parameters of a simulator; which itself stays as it is. Values are
    counted some steps at a time, so that memory does not grow with the run.

    The metrics are those of NeuroBench, for all connections that have weights, Probes
    of decoded ensembles included, and for encoders. What no Probe depends on is
    measured, too.

    Parameters
    ----------
    sim : Simulator
        Simulator of the network.
    data : dict or list or ndarray, optional
        Values of input Nodes, each of shape ``(n_samples, n_steps, size_out)``, in the
        forms that `Simulator.predict` accepts. Nodes that are not mentioned give what
        they define.
    n_steps : int, optional
        Number of steps, if ``data`` does not tell.
    progress_bar : bool or nengo.utils.progress.ProgressBar, optional
        Whether to show a progress bar, or a bar of Nengo's to show the progress on; by
        default as for the simulator.

    Returns
    -------
    metrics : NetworkMetrics
        The figures, in all and by layer; can be printed and plotted.

    Raises
    ------
    nengo.exceptions.ValidationError
        If the data does not fit the network, the number of steps is not known, or the
        simulator was made of a model without network.
    nengo.exceptions.SimulatorClosed
        If the simulator has been closed.

    Notes
    -----
    Inputs are spikes if all values of a run that are not zero have one magnitude. Then
    the weights of active inputs need only be added, which are accumulations (ACs), as
    the magnitude may be part of the weights; otherwise there are multiplications, too
    (MACs). NeuroBench asks for zeros and ones, in each step of a minibatch by itself.

    Memory is that of numbers as they are in the simulation, and of few bits where
    ``quantization`` is set, as if they were packed.

    No synaptic operations are: multiplications by one factor for each element, as gains
    are, which may be part of the weights or neurons next to it; biases, products with
    the output of a constant Node among them; and filters of synapses. What else there
    is, such as functions of Nodes, TensorNodes and learning rules, is named in
    `NetworkMetrics.not_counted`. Weights that are learned are counted as if none of
    them were zero.

    Examples
    --------
    >>> import nengo, nengo_dl_core
    >>> with nengo.Network(seed=0) as net:
    ...     stimulus = nengo.Node([0.5], label="stimulus")
    ...     ensemble = nengo.Ensemble(50, 1, label="ensemble")
    ...     connection = nengo.Connection(stimulus, ensemble)
    ...     probe = nengo.Probe(ensemble)
    >>> with nengo_dl_core.Simulator(net, progress_bar=False) as sim:
    ...     metrics = nengo_dl_core.measure(sim, n_steps=100)
    >>> metrics.neuron_updates, metrics.dense_operations
    (5000, 10000.0)
    """
    model = sim.program.model
    if model.toplevel is None:
        raise ValidationError(
            "its model has no network; make the simulator with one", attr="sim"
        )
    arrays, n_samples, n_steps = given_inputs(sim.program, data, n_steps)
    sources = {x.signal: x for x in sim.program.inputs}
    constants = {
        sig for sig, x in sources.items() if x.constant and x.node not in arrays
    }
    learned = {*sim.program.learned}
    structure = find_structure(model, constants, learned)
    active = {x.op.X: Activity(x.op.X.size) for x in structure.weights}
    active |= {x.op.output: Activity(x.op.output.size) for x in structure.populations}
    states = [x.voltage for x in structure.populations]
    voltages = {voltage: Changes() for voltage in states if voltage is not None}
    counters: list[Counter] = [*active.values(), *voltages.values()]
    show = sim.progress_bar if progress_bar is None else progress_bar
    total = -(-n_samples // sim.program.minibatch_size) * n_steps
    with (
        _recording(sim, [*active, *voltages]) as recording,
        shown_progress(show, "Measuring", "Measurement", total) as bar,
    ):
        _run(recording, counters, arrays, n_samples, n_steps, bar)
    n_updates = n_samples * n_steps
    bits = few_bits(model), 8 * np.dtype(sim.program.float_type).itemsize
    values = SignalValues(sim._session, minibatched=True)
    inputs = {*sources} - constants
    parameters = parameter_bits(model, values, inputs, learned, *bits)
    return NetworkMetrics(
        n_samples=n_samples,
        n_steps=n_steps,
        parameter_bytes=-(-parameters // 8) + _layer_bytes(model.toplevel),
        state_bytes=-(-state_bits(model, learned, *bits) // 8),
        connections=tuple(
            _connection(values, applied, active[applied.op.X], n_updates)
            for applied in structure.weights
        ),
        neurons=tuple(
            _neurons(
                population,
                active[population.op.output],
                voltages.get(population.voltage),
                n_updates,
            )
            for population in structure.populations
        ),
        not_counted=tuple(structure.not_counted),
    )


def _recording(sim: Simulator, signals: Sequence[Signal]) -> Simulator:
    """Make a simulator of the same model, with its parameters, that records signals."""
    model: Model = copy.copy(sim.model)
    model.sig = copy.copy(model.sig)
    # Probes need a target, but what they record is a signal.
    network: Any = model.toplevel
    targets = [*network.all_ensembles, *network.all_nodes]
    model.probes = []
    for number, signal in enumerate(signals):
        probe = nengo.Probe(targets[0], label=f"{number}", add_to_container=False)
        model.sig[probe] = {"in": signal}
        model.probes.append(probe)
    model.operators = [
        *(op for op in sim.model.operators if not isinstance(op, SimProbe)),
        *(SimProbe(signal) for signal in signals),
    ]
    recording = _Recording(
        None,
        model=model,
        seed=sim.seed,
        device=sim.device,
        unroll_simulation=sim.unroll_simulation,
        minibatch_size=sim.minibatch_size,
        progress_bar=False,
        optimize=sim.optimize,
    )
    _copy_parameters(sim, recording)
    return recording


def _copy_parameters(sim: Simulator, recording: Simulator) -> None:
    """Give a simulator the parameters that one of the same model has."""
    learned = {*recording.program.learned}
    present = SignalValues(sim._session, minibatched=True)
    values = SignalValues(recording._session, minibatched=True)
    values.assign(
        {
            signal: present[signal]
            for signal in values
            if values.is_variable(signal)
            and (signal in learned or not values.is_state(signal))
        }
    )
    weights = sim._session.variables.layer_weights.tensors()
    own = recording._session.variables.layer_weights
    for variable, value in own.with_values(weights):
        variable.assign(value)


def _run(
    recording: Simulator,
    counters: Sequence[Counter],
    arrays: Mapping[nengo.Node, Array],
    n_samples: int,
    n_steps: int,
    bar: ProgressBar,
) -> None:
    """Run minibatch by minibatch, each from the present state, and count."""
    size = recording.program.minibatch_size
    recording._runner.expect(-(-n_samples // size) * n_steps)
    for first in range(0, n_samples, size):
        rows = np.minimum(np.arange(first, first + size), n_samples - 1)
        inputs = {node: array[rows] for node, array in arrays.items()}
        for counter in counters:
            counter.begin()
        with recording._session.transaction(keep=False):
            for n_done, recorded in recording._runner.pieces(n_steps, inputs):
                for counter, values in zip(counters, recorded, strict=True):
                    counter.count(values[:, : n_samples - first])
                bar.step(n_done)


def _connection(
    values: SignalValues, applied: AppliedWeights, inputs: Activity, n_updates: int
) -> ConnectionMetrics:
    """Count the operations of weights, from how often their inputs were active."""
    op, signal = applied.op, weights_of(applied.op)
    weights = values[signal]
    if values.is_minibatched(signal):
        weights = weights[0]  # each item has learned its own
    weighting = WEIGHTINGS[type(op)](op, weights)
    if applied.learned:
        weighting = weighting.learned()
    effective = int(weighting.effective_fan_out @ inputs.active)
    spikes = inputs.has_one_magnitude
    return ConnectionMetrics(
        name=applied.name,
        n_weights=weighting.n_weights,
        n_zeros=weighting.n_zeros,
        learned=applied.learned,
        dense_operations=int(weighting.fan_out @ applied.reached) * n_updates,
        effective_macs=0 if spikes else effective,
        effective_acs=effective if spikes else 0,
    )


def _neurons(
    population: Population, outputs: Activity, voltage: Changes | None, n_updates: int
) -> NeuronMetrics:
    """Collect what was counted of neurons."""
    return NeuronMetrics(
        name=population.name,
        neuron_type=type(population.op.neurons).__name__,
        n_neurons=len(outputs.active),
        n_activations=len(outputs.active) * n_updates,
        n_active=int(outputs.active.sum()),
        membrane_updates=0 if voltage is None else voltage.changes,
    )


def _layer_bytes(network: nengo.Network) -> int:
    """Memory of the weights of Keras layers in a network."""
    layers = {id(x): x for _, node in tensor_nodes(network) for x in _weights(node)}
    return sum(x.value.numpy().nbytes for x in layers.values())


def _weights(node: Any) -> Sequence[Any]:
    return node.tensor_func.variables
