"""Whether a converted network computes what its Keras model computes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

import keras
import nengo
import numpy as np
from nengo.base import NengoObject
from nengo.ensemble import Neurons

import nengo_dl_core

from .errors import VerificationError
from .keras_graph import layer_values
from .report import LayerReport, Report

if TYPE_CHECKING:
    from .converter import Converter

# Steps of gradient descent that the two are compared after, and their size.
TRAINING_STEPS = 10
LEARNING_RATE = 0.01


def default_inputs(model: keras.Model, n_steps: int) -> list[np.ndarray]:
    """Make arrays of ones for the inputs of a model, in batches of 2."""
    return [
        np.ones([2, *(n_steps if n is None else n for n in tensor.shape[1:])])
        for tensor in model.inputs
    ]


def as_data(
    converter: Converter, inputs: Sequence[Any], n_steps: int
) -> dict[nengo.Node, np.ndarray]:
    """Give the inputs of the Keras model to the input Nodes.

    Parameters
    ----------
    converter : Converter
        The conversion.
    inputs : sequence of array_like
        Values of the model's inputs, ``(batch_size, ...)``, or ``(batch_size, n_steps,
        ...)`` in a temporal model.
    n_steps : int
        How many steps each value is presented for, if the model is not temporal.

    Returns
    -------
    data : dict of {nengo.Node: numpy.ndarray}
        Shapes ``(batch_size, n_steps, size)``.
    """
    data = {}
    for tensor, value in zip(converter.model.inputs, inputs, strict=True):
        node = converter.inputs[tensor]
        flat = np.reshape(value, (len(value), -1, node.size_out))
        repeats = 1 if converter.temporal_model else n_steps
        data[node] = np.tile(flat, (1, repeats, 1))
    return data


@contextmanager
def probed(
    network: nengo.Network, objs: Sequence[NengoObject]
) -> Iterator[list[nengo.Probe]]:
    """Have unfiltered probes on objects of a network, for as long as it takes."""
    before = list(network.probes)
    try:
        with network:
            yield [nengo.Probe(obj) for obj in objs]
    finally:
        network.probes[:] = before


def simulate(
    converter: Converter,
    data: dict[nengo.Node, np.ndarray],
    probes: Sequence[nengo.Probe],
) -> list[np.ndarray]:
    """Run the network, and return the probes' data, ``(batch_size, n_steps, size)``."""
    batch_size, n_steps, _ = next(iter(data.values())).shape
    with nengo_dl_core.Simulator(
        converter.net, minibatch_size=batch_size, progress_bar=False
    ) as sim:
        sim.run_steps(n_steps, data=data)
        return [np.asarray(sim.data[probe]) for probe in probes]


def compare(
    converter: Converter, inputs: Sequence[Any] | None, n_steps: int, settle: int
) -> Report:
    """Compare each layer of the network with the Keras model.

    Parameters are those of `Converter.compare`.
    """
    if inputs is None:
        inputs = default_inputs(converter.model, n_steps)
    pairs = list(_pairs(converter, inputs))
    neurons_of = converter.populations.neurons_of
    spiking = {
        obj: [part for part in neurons_of(obj) if part.ensemble.neuron_type.spiking]
        for _, obj, _ in pairs
    }
    objs = list(dict.fromkeys([*spiking, *chain(*spiking.values())]))
    with probed(converter.net, objs) as probes:
        data = as_data(converter, inputs, n_steps)
        recorded = dict(zip(objs, simulate(converter, data, probes), strict=True))

    layers = []
    for name, obj, expected in pairs:
        actual = recorded[obj][:, settle:]
        expected = expected.reshape(len(expected), -1, actual.shape[-1])
        if not converter.temporal_model:
            actual = actual.mean(axis=1, keepdims=True)
        else:
            expected = expected[:, settle:]
        rates = [_rates(part, recorded[part][:, settle:]) for part in spiking[obj]]
        layers.append(
            LayerReport(
                name,
                size=obj.size_out,
                peak=float(np.abs(expected).max()),
                difference=float(np.abs(actual - expected).max()),
                mean_rate=float(np.mean(rates)) if rates else None,
                max_rate=float(np.max(rates)) if rates else None,
            )
        )
    return Report(tuple(layers))


def _pairs(
    converter: Converter, inputs: Sequence[Any]
) -> Iterator[tuple[str, NengoObject, np.ndarray]]:
    """Yield a layer's name, an object, and what Keras has for the object's output."""
    done: Counter[Any] = Counter()
    for call in layer_values(converter.model, inputs)[:-1]:
        converted = converter.get_converter(call.layer).outputs[done[call.layer]]
        done[call.layer] += 1
        objs = converted if isinstance(converted, list) else [converted]
        for obj, value in zip(objs, call.outputs, strict=True):
            yield call.layer.name, obj, value.numpy()


def _rates(neurons: Neurons, output: np.ndarray) -> np.ndarray:
    """Firing rates in Hz, ``(batch_size, n_neurons)``, from the output of all steps."""
    amplitude = getattr(neurons.ensemble.neuron_type, "amplitude", 1.0)
    return np.abs(output).mean(axis=1) / amplitude


def verify(
    converter: Converter,
    training: bool,
    inputs: Sequence[Any] | None,
    atol: float,
    rtol: float,
) -> bool:
    """Compare the outputs of the network with the Keras model.

    Parameters are those of `Converter.verify`.
    """
    n_steps = 1
    if inputs is None:
        inputs = default_inputs(converter.model, n_steps=5)
    data = as_data(converter, inputs, n_steps)
    if training:
        expected, actual = _train(converter, inputs, data)
    else:
        expected = [
            x.numpy() for x in layer_values(converter.model, inputs)[-1].outputs
        ]
        probes = [converter.outputs[tensor] for tensor in converter.model.outputs]
        actual = simulate(converter, data, probes)
    for tensor, want, have in zip(
        converter.model.outputs, expected, actual, strict=True
    ):
        difference = np.abs(want.reshape(have.shape) - have).max()
        allowed = atol + rtol * np.abs(have).max()
        if not difference <= allowed:
            raise VerificationError(
                f"Output {tensor.name!r} differs by {difference:.3g} between Nengo and "
                f"Keras{' after training' * training}; {allowed:.3g} is allowed\n"
                f"{compare(converter, inputs, n_steps, settle=0)}"
            )
    return True


def _train(
    converter: Converter, inputs: Sequence[Any], data: dict[nengo.Node, np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Train copies of both models alike, and return their outputs."""
    model = converter.model
    outputs = layer_values(model, inputs)[-1].outputs
    rng = np.random.default_rng(0)
    targets = [rng.normal(size=output.shape) for output in outputs]
    batch_size = len(inputs[0])
    fit: dict[str, Any] = {"epochs": TRAINING_STEPS, "shuffle": False, "verbose": 0}

    twin = keras.models.clone_model(keras.Model(model.inputs, model.outputs))
    twin.set_weights(model.get_weights())
    twin.compile(keras.optimizers.SGD(LEARNING_RATE), loss="mse")
    twin.fit(list(inputs), targets, batch_size=batch_size, **fit)
    expected = [x.numpy() for x in layer_values(twin, inputs)[-1].outputs]

    probes = [converter.outputs[tensor] for tensor in model.outputs]
    steps = next(iter(data.values())).shape[:2]
    with nengo_dl_core.Simulator(
        converter.net, minibatch_size=batch_size, progress_bar=False
    ) as sim:
        sim.compile(keras.optimizers.SGD(LEARNING_RATE), loss="mse")
        sim.fit(
            data,
            {
                probe: target.reshape(*steps, -1)
                for probe, target in zip(probes, targets, strict=True)
            },
            **fit,
        )
        predicted = sim.predict(data)
    return expected, [np.asarray(predicted[probe]) for probe in probes]
