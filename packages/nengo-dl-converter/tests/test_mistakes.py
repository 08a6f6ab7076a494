"""Likely mistakes of new users of the converter, and what they are told.

Those that other tests are about are not here again.
"""

import keras
import nengo
import numpy as np
import pytest
from keras import layers

from nengo_dl_converter import (
    ConversionError,
    Converter,
    VerificationError,
    firing_rate_scales,
)

SPIKING = nengo.SpikingRectifiedLinear()


@pytest.fixture
def model():
    image = keras.Input((4,), name="image")
    hidden = layers.Dense(6, activation="relu", name="hidden")(image)
    return keras.Model(image, layers.Dense(2, name="score")(hidden), name="net")


@pytest.mark.parametrize(
    ("swap", "message"),
    [
        (SPIKING, "must be a dictionary, not"),
        ({"relu": SPIKING}, "not 'relu'"),
        ({layers.ReLU: SPIKING}, "instances .* not <class .*ReLU'>"),
        ({keras.activations.relu: type(SPIKING)}, "instances .* not <class .*Linear'>"),
    ],
)
def test_swap_of_no_activations(model, swap, message):
    with pytest.raises(TypeError, match=message):
        Converter(model, swap_activations=swap)


@pytest.mark.parametrize("key", [keras.activations.tanh, nengo.Tanh(), layers.ELU()])
def test_swap_of_an_activation_that_no_layer_has(model, key):
    swap = {keras.activations.relu: SPIKING, key: nengo.LIF()}
    with pytest.warns(UserWarning, match="no layer of 'net' has") as warned:
        Converter(model, swap_activations=swap)
    assert str([key]) in str(warned[0].message)
    assert warned[0].filename == __file__


def test_activation_that_becomes_a_tensor_node():
    x = keras.Input((4,))
    y = layers.Dense(6, activation="softmax", name="score")(x)
    with pytest.warns(UserWarning, match="'score': .* softmax becomes a TensorNode"):
        Converter(keras.Model(x, y))


def test_scale_by_the_name_of_a_layer(model):
    with pytest.raises(ValueError, match=r"names 'hidden'.* as get_layer gives"):
        Converter(model, scale_firing_rates={"hidden": 100})


@pytest.mark.parametrize("shape", [(None, 4), (None, None, 1)])
def test_unknown_length_of_an_axis(shape):
    x = keras.Input(shape, name="image")
    with pytest.raises(ConversionError, match=r"'image' has shape \(None, None, "):
        Converter(keras.Model(x, layers.Dense(2)(x)))


def test_names_in_place_of_tensors_and_layers(model):
    converter = Converter(model)
    with pytest.raises(KeyError, match=r"'image' is no key.* the names \['image'\]"):
        converter.inputs["image"]
    with pytest.raises(KeyError, match=r"name=score.* is no key"):
        converter.outputs[model.get_layer("score")]
    assert converter.layers.get("score") is None


def test_an_array_is_enough_for_one_input(model):
    samples = np.random.default_rng(0).normal(size=(5, 4))
    converter = Converter(model)
    assert converter.verify(inputs=samples)
    assert converter.compare(samples) == converter.compare([samples])
    assert converter.cost(samples) == converter.cost([samples])
    assert firing_rate_scales(model, samples) == firing_rate_scales(model, [samples])


def test_arrays_for_other_inputs(model):
    with pytest.raises(ValueError, match=r"2 arrays .* \['image'\] of 'net'"):
        Converter(model).verify(inputs=[np.ones((5, 4))] * 2)


def test_verification_of_spikes(model):
    converter = Converter(model, swap_activations={keras.activations.relu: SPIKING})
    with pytest.raises(VerificationError, match=r"are for compare\(n_steps"):
        converter.verify()
