"""Parameters of converted networks, saved and loaded in different configurations."""

import os

import keras
import nengo
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

import nengo_dl_core
from keras_oracle import example_inputs, predict, randomize
from nengo_dl_converter import Converter
from test_random_stacks import models

N_STACKS = min(25, int(os.environ.get("NENGO_DL_EXAMPLES", "25")))


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "parameters")


def simulator(converter, **options):
    return nengo_dl_core.Simulator(converter.net, progress_bar=False, **options)


def outputs(converter, sim, inputs):
    data = [x.reshape(len(x), 1, -1) for x in inputs]
    values = sim.predict(data, verbose=0)
    return [values[converter.outputs[x]][:, 0] for x in converter.model.outputs]


def save(model, path, **kwargs):
    converter = Converter(model, inference_only=True, **kwargs)
    with simulator(converter) as sim:
        sim.save_params(path)


def assert_loads(model, path, inputs, expected, **kwargs):
    """A network of the same model with other weights computes what was saved."""
    converter = Converter(model, inference_only=True, **kwargs)
    n_items = len(inputs[0])
    with simulator(converter, minibatch_size=n_items) as sim:
        before = outputs(converter, sim, inputs)
        sim.load_params(path)
        after = outputs(converter, sim, inputs)
    for have, want in zip(after, expected, strict=True):
        scale = np.abs(want).max(initial=1)
        np.testing.assert_allclose(
            have, want.reshape(n_items, -1), rtol=0, atol=1e-5 * scale
        )
    return before


def dense_and_convolution():
    x = keras.Input((6, 6, 1))
    y = layers.Conv2D(3, 3, activation="relu")(x)
    y = layers.Dense(8, activation="relu")(layers.Flatten()(y))
    return keras.Model(x, layers.Dense(2)(layers.Dense(8, activation="relu")(y)))


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(
    ("saved", "loaded"),
    [
        ({}, {"scale_firing_rates": 250}),
        ({"scale_firing_rates": 250}, {}),
        ({"scale_firing_rates": 3}, {"scale_firing_rates": 50}),
    ],
)
def test_across_scales_and_new_models(path, saved, loaded, frozen):
    """A model that is made again has other weights, and layers of other names."""
    model = randomize(dense_and_convolution())
    inputs = example_inputs(model, 4)
    save(model, path, **saved)
    expected = predict(model, inputs)
    for _ in range(2):
        other = dense_and_convolution()
        other.layers[3].trainable = not frozen
        (before,) = assert_loads(other, path, inputs, expected, **loaded)
        assert np.abs(before - expected[0]).max() > 0.1


def test_rates_and_spikes(path):
    """Trained with rates, run in spikes: the mean output is that of the rates."""
    model = randomize(dense_and_convolution())
    inputs = example_inputs(model, 2)
    save(model, path)
    (expected,) = predict(model, inputs)
    converter = Converter(
        dense_and_convolution(),
        inference_only=True,
        swap_activations={keras.activations.relu: nengo.SpikingRectifiedLinear()},
        scale_firing_rates=200,
        synapse=0.005,
    )
    with simulator(converter, minibatch_size=2) as sim:
        sim.load_params(path)
        data = [np.repeat(x.reshape(2, 1, -1), 150, axis=1) for x in inputs]
        (values,) = sim.predict(data, verbose=0).values()
    error = np.abs(values[:, 50:].mean(axis=1) - expected).max()
    assert error < 0.02 * np.abs(expected).max()


@pytest.mark.parametrize("scale", [None, 20])
def test_activations_that_take_other_objects(path, scale):
    """Clipped activations are several ensembles, unless they are swapped for one."""

    def clipped():
        x = keras.Input((4,))
        y = layers.Activation("relu6")(layers.Dense(5)(x))
        y = layers.Activation("relu6")(layers.Dense(5)(y))
        return keras.Model(x, layers.Dense(2)(y))

    model = randomize(clipped())
    inputs = [0.1 * x for x in example_inputs(model, 3)]  # nothing is clipped
    save(model, path)
    swapped = {keras.activations.relu6: nengo.RectifiedLinear()}
    assert_loads(
        clipped(),
        path,
        inputs,
        predict(model, inputs),
        swap_activations=swapped,
        scale_firing_rates=scale,
    )


def test_training_goes_on_at_another_scale(path):
    """Steps of gradient descent are those that Keras makes, before and after."""
    model = randomize(dense_and_convolution())
    inputs = [x.reshape(4, 1, -1) for x in example_inputs(model, 4)]
    targets = np.random.default_rng(0).normal(size=(4, 1, 2))

    def train(sim):
        sim.compile(keras.optimizers.SGD(1e-3), loss="mse")
        return sim.fit(inputs, [targets], epochs=3, verbose=0).history["loss"]

    losses = []
    for scales in [(None, None), (None, 40), (40, None)]:
        losses.append([])
        for i, scale in enumerate(scales):
            converter = Converter(model, scale_firing_rates=scale)
            with simulator(converter, minibatch_size=4) as sim:
                if i:
                    sim.load_params(path)
                losses[-1] += train(sim)
                sim.save_params(path)
    assert losses[0][-1] < losses[0][0]
    for other in losses[1:]:
        np.testing.assert_allclose(other, losses[0], rtol=1e-4)


@pytest.mark.filterwarnings("ignore:.*has no amplitude to scale")
@settings(max_examples=N_STACKS, deadline=None, derandomize=True)
@given(
    models(),
    st.sampled_from([None, 3, 100]),
    st.sampled_from([None, 3, 100]),
)
def test_random_stacks(tmp_path_factory, model, saved, loaded):
    path = str(tmp_path_factory.mktemp("random") / "parameters")
    randomize(model)
    inputs = example_inputs(model, 2)
    expected = predict(model, inputs)
    save(model, path, scale_firing_rates=saved)
    for weight in model.weights:  # as a model that is made again
        if weight.dtype.startswith("float"):
            weight.assign(0.3 + 0 * weight)
    assert_loads(model, path, inputs, expected, scale_firing_rates=loaded)
