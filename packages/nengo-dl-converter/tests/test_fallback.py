import keras
import numpy as np
import pytest
from keras import layers

import nengo_dl_core
from keras_oracle import example_inputs, predict, randomize
from nengo_dl_converter import Converter


class Scaled(layers.Layer):
    """A layer with a weight, without converter."""

    def build(self, input_shape):
        self.factor = self.add_weight(shape=input_shape[1:], initializer="ones")

    def call(self, x):
        return self.factor * x


def fall_back(model, match, **kwargs):
    with pytest.warns(UserWarning, match=match):
        return Converter(model, **kwargs)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.LayerNormalization, (4, 3)),
        (Scaled, (4, 3)),
        (layers.Softmax, (4, 3)),
        (lambda: layers.LSTM(5), (4, 3)),
        (lambda: layers.MaxPooling2D(2), (4, 4, 2)),
    ],
)
def test_layers_without_native_form(layer, shape):
    x = keras.Input(shape)
    model = randomize(keras.Model(x, layer()(x)))
    converter = fall_back(model, "becomes a TensorNode")
    assert isinstance(converter.layers[model.layers[-1]], nengo_dl_core.TensorNode)
    assert converter.verify(inputs=example_inputs(model, 3), rtol=1e-9)


def test_interpolation():
    x = keras.Input((3, 4, 2))
    bilinear = layers.UpSampling2D(2, interpolation="bilinear")
    converter = fall_back(keras.Model(x, bilinear(x)), "interpolation='bilinear'")
    assert converter.verify(rtol=1e-6)  # TensorFlow interpolates in single precision


def test_integers():
    x = keras.Input((4,), dtype="int32")
    model = randomize(keras.Model(x, layers.Embedding(5, 3)(keras.ops.mod(x, 3))))
    converter = fall_back(model, "no converter for (Mod|Embedding)")
    assert converter.verify(inputs=[np.arange(8).reshape(2, 4)], rtol=1e-9)


def test_activation_functions_without_neurons():
    x = keras.Input((4, 5))
    model = randomize(keras.Model(x, layers.Dense(3, activation="softmax")(x)))
    converter = fall_back(model, match="softmax becomes a TensorNode")
    assert converter.verify(inputs=example_inputs(model, 3), rtol=1e-9)


def test_layer_with_several_inputs_and_outputs():
    class Swap(layers.Layer):
        def call(self, pair, factor=1.0):
            first, second = pair
            return {"a": factor * second, "b": first}

    x, y = keras.Input((3,)), keras.Input((2, 2))
    swapped = Swap()([x, y], factor=2.0)
    model = randomize(
        keras.Model([x, y], [layers.Dense(2)(swapped["a"]), swapped["b"]])
    )
    converter = fall_back(model, "no converter for Swap")
    assert converter.verify(inputs=example_inputs(model, 2), rtol=1e-9)


def test_operations_that_are_no_layers():
    x = keras.Input((3,))
    model = keras.Model(x, keras.ops.sin(x) / 2.0)
    converter = fall_back(model, "no converter for (Sin|TrueDivide)")
    assert converter.verify(inputs=example_inputs(model, 2), rtol=1e-9)


def test_shared_weights_stay_shared():
    dense = layers.Dense(4)
    x = keras.Input((4,))
    model = randomize(keras.Model(x, dense(dense(x))))
    converter = fall_back(model, "shared by 2 calls")
    assert converter.verify(inputs=example_inputs(model, 2), rtol=1e-9)


def test_the_layer_is_left_as_it_is():
    x = keras.Input((3,))
    layer = Scaled()
    model = keras.Model(x, layer(x))
    assert fall_back(model, "no converter for Scaled").verify()
    assert len(layer._inbound_nodes) == 1
    np.testing.assert_array_equal(predict(model, [np.ones((1, 3))])[0], 1)
