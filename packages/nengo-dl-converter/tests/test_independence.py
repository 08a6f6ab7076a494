"""Layers that mix examples, or steps, are refused with an error that names them."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_oracle import example_inputs
from nengo_dl_converter import ConversionError, Converter
from nengo_dl_converter.independence import works_across
from nengo_dl_converter.keras_graph import calls

ACROSS = [
    lambda x: layers.Concatenate(axis=0, name="named")([x, x]),
    lambda x: layers.Softmax(axis=0, name="named")(x),
    lambda x: layers.UnitNormalization(axis=0, name="named")(x),
    lambda x: layers.Lambda(lambda x: x - keras.ops.mean(x, 0), name="named")(x),
    lambda x: keras.ops.concatenate([x, x], axis=0),
    lambda x: keras.ops.stack([x, x], axis=0),
    lambda x: keras.ops.sum(x, axis=0),
    lambda x: keras.ops.sum(x),
    lambda x: keras.ops.softmax(x, axis=0),
    lambda x: keras.ops.flip(x),
    lambda x: keras.ops.transpose(x),
    lambda x: keras.ops.expand_dims(x, 0),
    lambda x: keras.ops.reshape(x, (-1, 2)),
]


@pytest.mark.filterwarnings("ignore:.*becomes a TensorNode")
@pytest.mark.parametrize("function", ACROSS)
def test_examples_of_a_batch_are_not_mixed(function):
    x = keras.Input((4,))
    model = keras.Model(x, function(x))
    name = model.operations[-1].name
    with pytest.raises(ConversionError, match=f"'{name}' works across the examples"):
        Converter(model)


@pytest.mark.parametrize("function", ACROSS[:3])
def test_the_layer_is_named_without_fallback(function):
    x = keras.Input((4,))
    with pytest.raises(ConversionError, match="Layer 'named'"):
        Converter(keras.Model(x, function(x)), allow_fallback=False)


@pytest.mark.filterwarnings("ignore:.*becomes a TensorNode")
@pytest.mark.parametrize(
    "function",
    [
        lambda x: keras.ops.stack([x, x], axis=1),
        lambda x: keras.ops.max(x, axis=1),
        lambda x: keras.ops.squeeze(keras.ops.expand_dims(x, -1), -1),
        lambda x: keras.ops.flip(x, axis=1),
        lambda x: keras.ops.reshape(x, (-1, 2, 2)),
        lambda x: layers.Lambda(lambda x: x - keras.ops.mean(x, 1, keepdims=True))(x),
    ],
)
def test_other_axes_may_be_mixed(function):
    x = keras.Input((4,))
    model = keras.Model(x, function(x))
    assert Converter(model).verify(inputs=example_inputs(model, 3), rtol=1e-9)


@pytest.mark.filterwarnings("ignore:.*becomes a TensorNode")
def test_random_layers_are_not_taken_for_mixing_ones():
    x = keras.Input((500,))
    dropped = layers.Dropout(0.5, seed=0)(x, training=True)
    converter = Converter(keras.Model(x, dropped))
    (report,) = converter.compare(np.ones((2, 500))).layers
    assert report.difference == 2  # either 0 or twice the input, for both


def test_trying_a_layer_out_leaves_its_state():
    class Counting(layers.Layer):
        def build(self, input_shape):
            self.total = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x):
            self.total.assign_add(1.0)
            return 2 * x

    x = keras.Input((4,))
    layer = Counting()
    *_, call = calls(keras.Model(x, layer(x)))
    before = layer.total.numpy()
    assert works_across(call) is None
    assert layer.total.numpy() == before
    layer(np.ones((1, 4)))
    assert layer.total.numpy() == before + 1


@pytest.mark.filterwarnings("ignore:.*becomes a TensorNode")
@pytest.mark.parametrize(
    "function",
    [
        lambda x: keras.ops.cumsum(x, axis=1),
        lambda x: keras.ops.flip(keras.ops.cumsum(x, axis=0), axis=0),
        lambda x: keras.ops.flip(keras.ops.cumsum(keras.ops.flip(x, 1), axis=1), 1),
        lambda x: keras.ops.roll(x, 1, axis=1),
    ],
)
@pytest.mark.parametrize("n_steps", [None, 2, 6])
def test_steps_that_depend_on_others_on_one_side(function, n_steps):
    x = keras.Input((n_steps, 4))
    with pytest.raises(ConversionError, match="works across the"):
        Converter(keras.Model(x, function(x)), temporal_model=True)


@pytest.mark.filterwarnings("ignore:.*becomes a TensorNode")
@pytest.mark.parametrize("axis", [1, -2])
@pytest.mark.parametrize(
    "kind", [layers.UnitNormalization, layers.LayerNormalization, layers.Softmax]
)
def test_steps_of_a_temporal_model_are_not_mixed(kind, axis):
    x = keras.Input((6, 4))
    layer = kind(axis=axis)
    with pytest.raises(ConversionError, match=f"'{layer.name}' works across the steps"):
        Converter(keras.Model(x, layer(x)), temporal_model=True)
