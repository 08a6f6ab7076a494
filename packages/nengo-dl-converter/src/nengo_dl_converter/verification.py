"""Whether a converted network computes what its Keras model computes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import keras
import nengo
import numpy as np
from nengo.base import NengoObject
from nengo.ensemble import Neurons

import nengo_dl_core

from .errors import VerificationError
from .keras_graph import LayerValues, input_arrays, layer_values
from .report import LayerReport, Report

if TYPE_CHECKING:
    from .converter import Converter

# Steps of gradient descent that the two are compared after, and their size.
TRAINING_STEPS = 10
LEARNING_RATE = 0.01


def inputs_or_ones(model: keras.Model, inputs: Any, n_steps: int) -> list[Any]:
    """Return a list of the model's inputs, by default of ones, in batches of 2."""
    if inputs is not None:
        return input_arrays(model, inputs)
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
    targets: Sequence[np.ndarray] | None = None,
) -> list[np.ndarray]:
    """Run the network.

    Parameters
    ----------
    converter : Converter
        The conversion.
    data : dict of {nengo.Node: numpy.ndarray}
        Values of the input Nodes, from `as_data`.
    probes : sequence of nengo.Probe
        What to record.
    targets : sequence of numpy.ndarray, optional
        Targets for the outputs of the model, to train the network on before.

    Returns
    -------
    recorded : list of numpy.ndarray
        Data of the probes, ``(batch_size, n_steps, size)``.
    """
    batch_size, n_steps, _ = next(iter(data.values())).shape
    with nengo_dl_core.Simulator(
        converter.net, minibatch_size=batch_size, progress_bar=False
    ) as sim:
        if targets is not None:
            outputs = [converter.outputs[tensor] for tensor in converter.model.outputs]
            sim.compile(
                keras.optimizers.SGD(LEARNING_RATE),
                loss=dict.fromkeys(outputs, "mse"),
            )
            shape = (batch_size, n_steps, -1)
            wanted = (target.reshape(shape) for target in targets)
            sim.fit(
                data,
                dict(zip(outputs, wanted, strict=True)),
                epochs=TRAINING_STEPS,
                verbose=0,
            )
        sim.run_steps(n_steps, data=data)
        return [np.asarray(sim.data[probe]) for probe in probes]


def trained(
    model: keras.Model, inputs: Sequence[Any], targets: Sequence[np.ndarray]
) -> keras.Model:
    """Train a copy of a Keras model, as `simulate` trains a network."""
    copy = keras.models.clone_model(keras.Model(model.inputs, model.outputs))
    copy.set_weights(model.get_weights())
    copy.compile(keras.optimizers.SGD(LEARNING_RATE), loss="mse")
    copy.fit(
        list(inputs),
        list(targets),
        batch_size=len(inputs[0]),
        epochs=TRAINING_STEPS,
        verbose=0,
    )
    return copy


def _expected(
    model: keras.Model, inputs: Sequence[Any], training: bool
) -> tuple[list[LayerValues], list[np.ndarray] | None]:
    """Compute what is expected of a network.

    Parameters
    ----------
    model : keras.Model
        The model.
    inputs : sequence of array_like
        Values of its inputs.
    training : bool
        Whether to train a copy of it before, on random targets.

    Returns
    -------
    values : list of LayerValues
        Values in each layer of ``model``, as from `layer_values`.
    targets : list of numpy.ndarray or None
        The targets, one for each output, if there was training.
    """
    values = layer_values(model, inputs)
    if not training:
        return values, None
    rng = np.random.default_rng(0)
    targets = [rng.normal(size=output.shape) for output in values[-1].outputs]
    after = layer_values(trained(model, inputs, targets), inputs)
    pairs = zip(values, after, strict=True)
    return [replace(new, layer=old.layer) for old, new in pairs], targets


def compare(
    converter: Converter,
    inputs: Sequence[Any] | None,
    n_steps: int,
    settle: int,
    training: bool,
) -> Report:
    """Compare each layer of the network with the Keras model.

    Parameters are those of `Converter.compare`.
    """
    model = converter.model
    inputs = inputs_or_ones(model, inputs, n_steps)
    expected, targets = _expected(model, inputs, training)
    pairs = list(_pairs(converter, expected[:-1]))
    neurons_of = converter.populations.neurons_of
    spiking = {
        obj: [part for part in neurons_of(obj) if part.ensemble.neuron_type.spiking]
        for _, obj, _ in pairs
    }
    objs = list(dict.fromkeys([*spiking, *chain(*spiking.values())]))
    with probed(converter.net, objs) as probes:
        data = as_data(converter, inputs, n_steps)
        found = simulate(converter, data, probes, targets)
        recorded = dict(zip(objs, found, strict=True))

    layers = []
    for name, obj, wanted in pairs:
        actual = recorded[obj][:, settle:]
        wanted = wanted.reshape(len(wanted), -1, actual.shape[-1])
        if not converter.temporal_model:
            actual = actual.mean(axis=1, keepdims=True)
        else:
            wanted = wanted[:, settle:]
        rates = [_rates(part, recorded[part][:, settle:]) for part in spiking[obj]]
        layers.append(
            LayerReport(
                name,
                size=obj.size_out,
                peak=float(np.abs(wanted).max()),
                difference=float(np.abs(actual - wanted).max()),
                mean_rate=float(np.mean(rates)) if rates else None,
                max_rate=float(np.max(rates)) if rates else None,
            )
        )
    return Report(tuple(layers))


def _pairs(
    converter: Converter, expected: Sequence[LayerValues]
) -> Iterator[tuple[str, NengoObject, np.ndarray]]:
    """Yield a layer's name, an object, and what Keras has for the object's output."""
    done: Counter[Any] = Counter()
    for call in expected:
        converted = converter.get_converter(call.layer).outputs[done[call.layer]]
        done[call.layer] += 1
        objs = converted if isinstance(converted, list) else [converted]
        for obj, output in zip(objs, call.outputs, strict=True):
            yield call.layer.name, obj, output.numpy()


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
    model = converter.model
    inputs = inputs_or_ones(model, inputs, n_steps=5)
    expected, targets = _expected(model, inputs, training)
    probes = [converter.outputs[tensor] for tensor in model.outputs]
    actual = simulate(converter, as_data(converter, inputs, 1), probes, targets)
    wanted = expected[-1].outputs
    for tensor, want, have in zip(model.outputs, wanted, actual, strict=True):
        difference = np.abs(want.numpy().reshape(have.shape) - have).max()
        allowed = atol + rtol * np.abs(have).max()
        if not difference <= allowed:
            report = compare(converter, inputs, 1, settle=0, training=training)
            spikes = any(layer.mean_rate is not None for layer in report.layers)
            advice = "\nSpiking networks are for compare(n_steps=...)" * spikes
            raise VerificationError(
                f"Output {tensor.name!r} differs by {difference:.3g} between Nengo and "
                f"Keras{' after training' * training}; {allowed:.3g} is allowed\n"
                f"{report}{advice}"
            )
    return True
