"""Compare converted networks with the Keras models that they come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import nengo
import numpy as np
import tensorflow as tf

from nengo_dl_converter import Converter


def example_inputs(model: keras.Model, n_examples: int = 1) -> list[np.ndarray]:
    """Normally distributed values for the inputs of a model."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=(n_examples, *x.shape[1:])) for x in model.inputs]


def randomize(model: keras.Model) -> keras.Model:
    """Give every weight a random value, positive since some are variances."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if weight.dtype.startswith("float"):
            sign = 1 if "variance" in weight.path else rng.choice([-1, 1], weight.shape)
            weight.assign(sign * rng.uniform(0.2, 1, weight.shape))
    return model


def predict(model: keras.Model, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """The outputs of a Keras model, in inference.

    What TensorFlow has no CPU kernel for (some dilation, some float64) is compiled.
    """
    args = inputs if len(inputs) > 1 else inputs[0]
    try:
        outputs = model(args, training=False)
    except (tf.errors.NotFoundError, tf.errors.InvalidArgumentError):
        outputs = tf.function(model, jit_compile=True)(args, training=False)
    return [output.numpy() for output in keras.tree.flatten(outputs)]


def run_in_nengo(
    converter: Converter, inputs: list[np.ndarray], n_steps: int = 1
) -> list[np.ndarray]:
    """Last output of the reference simulator for one example, for each output."""
    for tensor, value in zip(converter.model.inputs, inputs, strict=True):
        converter.inputs[tensor].output = value.ravel()
    with nengo.Simulator(converter.net, progress_bar=False) as sim:
        sim.run_steps(n_steps)
    return [sim.data[converter.outputs[x]][-1] for x in converter.model.outputs]


def assert_native(
    model: keras.Model,
    n_steps: int = 1,
    atol: float = 1e-9,
    oracle: Callable[[list[np.ndarray]], list[np.ndarray]] | None = None,
    **kwargs: Any,
) -> Converter:
    """Check that the reference simulator computes what a Keras model computes.

    ``oracle`` computes the expected outputs where TensorFlow cannot.
    """
    converter = Converter(model, allow_fallback=False, **kwargs)
    inputs = example_inputs(model)
    expected = oracle(inputs) if oracle else predict(model, inputs)
    actual = run_in_nengo(converter, inputs, n_steps)
    for have, want in zip(actual, expected, strict=True):
        np.testing.assert_allclose(have, want.ravel(), rtol=0, atol=atol)
    return converter
