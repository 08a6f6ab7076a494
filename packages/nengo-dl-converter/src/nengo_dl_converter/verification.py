"""Whether a converted network computes what its Keras model computes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import keras
import numpy as np
from nengo.base import NengoObject
from nengo.ensemble import Neurons

from .converted_model import ConvertedModel
from .errors import VerificationError
from .few_steps.neurons import SpikingQuantizedReLU
from .keras_graph import LayerValues, layer_values
from .report import LayerReport, Report
from .simulation import as_data, inputs_or_ones, probed, simulate

# Steps of gradient descent that the two are compared after, and their size.
TRAINING_STEPS = 10
LEARNING_RATE = 0.01
# Length of a step, in seconds, in simulators that are told of none.
STEP = 0.001


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


def _recorded(
    converted: ConvertedModel,
    inputs: Sequence[Any],
    n_steps: int,
    objs: Sequence[NengoObject],
    targets: Sequence[np.ndarray] | None,
) -> list[np.ndarray]:
    """Run the network; return the output of objects, and of the model's outputs.

    The outputs of the model have the filters of their Probes.
    """
    outputs = [converted.outputs[tensor] for tensor in converted.model.outputs]
    wanted = None if targets is None else dict(zip(outputs, targets, strict=True))
    with probed(converted.net, objs) as probes:
        return simulate(
            converted.net,
            as_data(converted, inputs, n_steps),
            [*probes, *outputs],
            wanted,
            learning_rate=LEARNING_RATE,
            epochs=TRAINING_STEPS,
        )


def compare(
    converted: ConvertedModel,
    inputs: Sequence[Any] | None,
    n_steps: int,
    settle: int,
    training: bool,
) -> Report:
    """Compare each layer of the network with the Keras model.

    Parameters are those of `Converter.compare`.
    """
    inputs = inputs_or_ones(converted.model, inputs, n_steps)
    expected, targets = _expected(converted.model, inputs, training)
    pairs = list(_pairs(converted, expected[:-1]))
    spiking = {
        obj: [
            part
            for part in converted.neurons.get(obj, ())
            if part.ensemble.neuron_type.spiking
        ]
        for _, obj, _ in pairs
    }
    objs = list(dict.fromkeys([*spiking, *chain(*spiking.values())]))
    found = _recorded(converted, inputs, n_steps, objs, targets)
    recorded = dict(zip(objs, found, strict=False))

    layers = []
    for name, obj, wanted in pairs:
        actual = recorded[obj][:, settle:]
        wanted = wanted.reshape(len(wanted), -1, actual.shape[-1])
        if not converted.temporal:
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
    converted: ConvertedModel, expected: Sequence[LayerValues]
) -> Iterator[tuple[str, NengoObject, np.ndarray]]:
    """Yield a layer's name, an object, and what Keras has for the object's output."""
    done: Counter[Any] = Counter()
    for call in expected:
        objs = converted.calls[call.layer][done[call.layer]]
        done[call.layer] += 1
        objs = objs if isinstance(objs, list) else [objs]
        for obj, output in zip(objs, call.outputs, strict=True):
            yield call.layer.name, obj, output.numpy()


def _rates(neurons: Neurons, output: np.ndarray) -> np.ndarray:
    """Firing rates in Hz, ``(batch_size, n_neurons)``, from the output of all steps."""
    neuron_type = neurons.ensemble.neuron_type
    if isinstance(neuron_type, SpikingQuantizedReLU):
        return np.count_nonzero(output, axis=1) / output.shape[1] / STEP
    amplitude = getattr(neuron_type, "amplitude", 1.0)
    return np.abs(output).mean(axis=1) / amplitude


def verify(
    converted: ConvertedModel,
    inputs: Sequence[Any] | None,
    training: bool,
    atol: float,
    rtol: float,
) -> bool:
    """Compare the outputs of the network with the Keras model.

    Parameters are those of `Converter.verify`.
    """
    outputs = converted.model.outputs
    inputs = inputs_or_ones(converted.model, inputs, n_steps=5)
    expected, targets = _expected(converted.model, inputs, training)
    actual = _recorded(converted, inputs, 1, [], targets)
    for tensor, want, have in zip(outputs, expected[-1].outputs, actual, strict=True):
        difference = np.abs(want.numpy().reshape(have.shape) - have).max()
        allowed = atol + rtol * np.abs(have).max()
        if not difference <= allowed:
            report = compare(converted, inputs, 1, settle=0, training=training)
            spikes = any(layer.mean_rate is not None for layer in report.layers)
            advice = "\nSpiking networks are for compare(n_steps=...)" * spikes
            raise VerificationError(
                f"Output {tensor.name!r} differs by {difference:.3g} between Nengo and "
                f"Keras{' after training' * training}; {allowed:.3g} is allowed\n"
                f"{report}{advice}"
            )
    return True
