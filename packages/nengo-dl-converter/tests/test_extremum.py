"""The largest and smallest of several values, in rates and in spikes."""

import keras
import nengo
import numpy as np
import pytest
from keras import layers

import nengo_dl_core
from keras_oracle import assert_native, randomize
from nengo_dl_converter import Converter

SPIKING = {keras.activations.relu: nengo.SpikingRectifiedLinear()}


def on_input(layer, shape):
    x = keras.Input(shape)
    return keras.Model(x, layer(x))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("kind", "shape", "kwargs"),
    [
        (layers.MaxPooling1D, (7, 2), {"pool_size": 2}),
        (layers.MaxPooling1D, (7, 2), {"pool_size": 3, "strides": 1}),
        (layers.MaxPooling2D, (6, 7, 2), {"pool_size": 2}),
        (layers.MaxPooling2D, (6, 7, 2), {"pool_size": (3, 2), "strides": (2, 1)}),
    ],
)
def test_max_pooling_is_native_without_fallback(kind, shape, kwargs, padding):
    assert_native(on_input(kind(padding=padding, **kwargs), shape))


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_max_pooling_in_three_dimensions(padding):
    """TensorFlow has none in double precision."""

    def largest(inputs):
        (x,) = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        ends = [(0, n % 2 * (padding == "same")) for n in x.shape[1:4]]
        x = np.pad(x, [(0, 0), *ends, (0, 0)], constant_values=-np.inf)
        x = x[:, : x.shape[1] // 2 * 2, : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
        n, *space, channels = x.shape
        halves = [part for size in space for part in (size // 2, 2)]
        return x.reshape((n, *halves, channels)).max((2, 4, 6))

    layer = layers.MaxPooling3D(2, padding=padding)
    assert_native(on_input(layer, (4, 5, 3, 2)), oracle=largest)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.GlobalMaxPooling1D(), (7, 2)),
        (layers.GlobalMaxPooling2D(keepdims=True), (6, 7, 2)),
        (layers.GlobalMaxPooling3D(), (2, 3, 2, 2)),
    ],
)
def test_global_max_pooling(layer, shape):
    layer = type(layer).from_config(layer.get_config() | {"dtype": "float64"})
    assert_native(on_input(layer, shape))


def test_max_pooling_of_channels_that_are_first():
    x = keras.Input((2, 6, 7))
    model = keras.Model(x, layers.MaxPooling2D(2, data_format="channels_first")(x))
    last = on_input(layers.MaxPooling2D(2), (6, 7, 2))

    def oracle(inputs):
        return [np.moveaxis(last(np.moveaxis(inputs[0], 1, -1)).numpy(), -1, 1)]

    assert_native(model, oracle=oracle)


def test_max_pooling_takes_one_neuron_less_than_it_has_inputs():
    model = on_input(layers.MaxPooling2D(3), (6, 6, 2))
    assert Converter(model, allow_fallback=False).net.n_neurons == 2 * 2 * 2 * 8


def test_max_pooling_trains_alike():
    x = keras.Input((6, 6, 1))
    h = layers.MaxPooling2D(2)(layers.Conv2D(3, 3, activation="relu")(x))
    model = randomize(keras.Model(x, layers.Dense(2)(layers.Flatten()(h))))
    converter = Converter(model, allow_fallback=False)
    inputs = np.random.default_rng(0).normal(size=(3, 6, 6, 1))
    assert converter.verify(training=True, inputs=inputs, rtol=1e-9)


def test_max_pooling_of_rates_is_left_to_tensorflow_where_it_can_be():
    model = on_input(layers.MaxPooling2D(2), (6, 6, 2))
    with pytest.warns(UserWarning, match="TensorNode: TensorFlow computes it faster"):
        converter = Converter(model)
    assert isinstance(converter.layers[model.layers[-1]], nengo_dl_core.TensorNode)
    assert converter.verify()


def spikes(merge):
    """Neurons that fire at rates from 0 to 120 Hz, and what is made of them."""
    x = keras.Input((12,))
    relu = layers.ReLU()
    return keras.Model(x, merge(relu(x))), relu


MERGES = {
    "max pooling": (
        lambda x: layers.MaxPooling1D(3)(layers.Reshape((12, 1))(x)),
        lambda x: x.reshape(-1, 4, 3).max(axis=-1),
    ),
    "global max pooling": (
        lambda x: layers.GlobalMaxPooling1D()(layers.Reshape((12, 1))(x)),
        lambda x: x.max(axis=-1, keepdims=True),
    ),
    "maximum": (
        lambda x: layers.Maximum()([layers.Cropping1D(c)(x3(x)) for c in CROPS]),
        lambda x: x.reshape(-1, 3, 4).max(axis=1),
    ),
    "minimum": (
        lambda x: layers.Minimum()([layers.Cropping1D(c)(x3(x)) for c in CROPS]),
        lambda x: x.reshape(-1, 3, 4).min(axis=1),
    ),
}
CROPS = [(0, 2), (1, 1), (2, 0)]


def x3(x):
    return layers.Reshape((3, 4))(x)


@pytest.mark.parametrize("n_steps", [50, 333])
@pytest.mark.parametrize("name", MERGES)
def test_the_mean_over_spikes_is_that_of_the_counts(name, n_steps):
    merge, oracle = MERGES[name]
    model, relu = spikes(merge)
    converter = Converter(model, swap_activations=SPIKING)
    rng = np.random.default_rng(0)
    rates = rng.uniform(0, 120, size=(2, n_steps, 12))
    with converter.net:
        single = nengo.Probe(converter.layers[relu])
    (probe,) = converter.outputs.values()
    with nengo_dl_core.Simulator(
        converter.net, minibatch_size=2, progress_bar=False
    ) as sim:
        sim.run_steps(n_steps, data={converter.inputs[model.inputs[0]]: rates})
        have, counts = sim.data[probe].mean(axis=1), sim.data[single].mean(axis=1)
    np.testing.assert_allclose(have, oracle(counts), rtol=0, atol=1e-9)


@pytest.mark.parametrize("synapse", [None, 0.005])
def test_max_pooling_of_spikes_approaches_that_of_rates(synapse):
    x = keras.Input((8, 8, 1))
    h = layers.MaxPooling2D(2)(layers.Conv2D(4, 3, activation="relu")(x))
    model = randomize(keras.Model(x, h))
    images = np.random.default_rng(0).uniform(size=(2, 8, 8, 1))
    differences = [
        Converter(
            model, swap_activations=SPIKING, scale_firing_rates=100, synapse=synapse
        )
        .compare(images, n_steps=n_steps)
        .layers[-1]
        .relative_difference
        for n_steps in (50, 800)
    ]
    assert differences[1] < 0.02
    assert differences[1] < differences[0] / 4
