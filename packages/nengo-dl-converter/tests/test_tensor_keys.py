"""Objects are found by every tensor that Keras has for the output of a layer."""

import keras
import nengo
import numpy as np
import pytest
from keras import layers

import nengo_dl_core
from keras_oracle import randomize
from nengo_dl_converter import Converter

LAYERS = (
    lambda: layers.Conv2D(3, 3, activation="relu"),
    lambda: layers.Flatten(),
    lambda: layers.Dense(4),
    lambda: layers.Dense(4, activation="relu"),
)
IMAGES = np.random.default_rng(0).normal(size=(2, 6, 6, 1))


def added(shape=(6, 6, 1)):
    model = keras.Sequential()
    model.add(keras.Input(shape))
    for layer in LAYERS:
        model.add(layer())
    return model


def rebuilt():
    model = added()
    model.add(layers.Dense(7))
    model.pop()
    return model


def built_later():
    model = keras.Sequential([layer() for layer in LAYERS])
    model.build((None, 6, 6, 1))
    return model


def extended():
    """A model from a part of another one, which has called its layers before."""
    model = added()
    return keras.Sequential([keras.Input((6, 6, 1)), *model.layers])


def functional():
    model = added()
    return keras.Model(model.layers[0].input, model.layers[-1].output)


@pytest.mark.parametrize("make", [added, rebuilt, built_later, extended, functional])
def test_output_of_a_layer(make):
    model = randomize(make())
    converter = Converter(model)
    named = [layer for layer in model.layers if layer.name.split("_")[0] != "input"]
    with converter.net:
        probes = {}
        for layer in named:
            assert converter.layers[layer.output] is converter.layers[layer]
            assert layer.output in converter.layers
            probes[layer] = nengo.Probe(converter.layers[layer.output])
    with nengo_dl_core.Simulator(
        converter.net, minibatch_size=2, progress_bar=False
    ) as sim:
        found = sim.predict(IMAGES.reshape(2, 1, -1), verbose=0)
    values = IMAGES
    for layer in named:
        values = np.array(layer(values))
        np.testing.assert_allclose(found[probes[layer]].ravel(), values.ravel())


@pytest.mark.parametrize("make", [added, rebuilt, built_later])
def test_input_and_output_of_a_model(make):
    model = make()
    converter = Converter(model)
    (node,), (probe,) = converter.inputs.values(), converter.outputs.values()
    assert converter.inputs[model.layers[0].input] is node
    assert converter.outputs[model.layers[-1].output] is probe
    assert converter.outputs.get(model.layers[0].output) is None


def test_tensors_of_a_model_within_a_model():
    inner = added()
    x = keras.Input((6, 6, 1))
    converter = Converter(keras.Model(x, layers.Dense(2)(inner(x))))
    for layer in inner.layers:
        assert converter.layers[layer.output] is converter.layers[layer]
    assert converter.layers[inner.inputs[0]] is converter.layers[x]
    assert converter.layers[inner.output] is converter.layers[inner]


def test_tensors_of_a_model_that_is_called_twice():
    y = keras.Input((4,))
    dense = layers.Dense(4)
    inner = keras.Model(y, dense(y))
    x = keras.Input((4,))
    model = keras.Model(x, inner(inner(x)))
    converter = Converter(model, split_shared_weights=True)
    first, second = converter.layers[dense]
    assert first is not second
    assert converter.layers[dense.output] == [first, second]


def test_each_output_of_a_layer_that_is_called_twice():
    x = keras.Input((4,))
    dense = layers.Dense(4)
    first = dense(x)
    second = dense(first)
    converter = Converter(keras.Model(x, second), split_shared_weights=True)
    assert converter.layers[dense] == [
        converter.layers[first],
        converter.layers[second],
    ]


def test_a_layer_that_another_model_has_too():
    x, other = keras.Input((4,)), keras.Input((4,))
    dense = layers.Dense(3)
    elsewhere = dense(other)
    converter = Converter(keras.Model(x, dense(x)))
    assert converter.layers[elsewhere] is converter.layers[dense]


def test_tensors_of_another_model_are_no_keys():
    x, other = keras.Input((4,)), keras.Input((4,))
    converter = Converter(keras.Model(x, layers.Dense(3)(x)))
    elsewhere = layers.Dense(3)(other)
    assert elsewhere not in converter.layers
    with pytest.raises(KeyError, match="is no key"):
        converter.layers[elsewhere]
