import keras
import numpy as np
import pytest
from keras import layers

from keras_oracle import assert_native, randomize


def test_residual_connection():
    x = keras.Input((5,))
    y = layers.Dense(5, activation="relu")(x)
    assert_native(randomize(keras.Model(x, [x + y, x - y, y + x])))


def test_operands_of_other_shapes():
    x, y = keras.Input((2, 3)), keras.Input((1, 3))
    assert_native(keras.Model([x, y], [x + y, y - x, x + x]))


@pytest.mark.parametrize("constant", [1.5, np.arange(3.0), np.ones((1, 2, 1))])
def test_constants(constant):
    x = keras.Input((2, 3))
    subtracted = keras.ops.subtract(constant, x)
    assert_native(keras.Model(x, [x + constant, subtracted, x - constant]))


@pytest.mark.parametrize("library", [keras.ops, keras.activations])
@pytest.mark.parametrize("name", ["relu", "relu6", "sigmoid", "tanh"])
def test_activation_functions(name, library):
    x = keras.Input((5,))
    assert_native(keras.Model(x, getattr(library, name)(x)))


@pytest.mark.parametrize(
    ("function", "kwargs"),
    [
        (keras.activations.relu, {"negative_slope": 0.25}),
        (keras.activations.relu, {"max_value": 0.5}),
        (keras.activations.relu, {"max_value": 0.5, "negative_slope": 0.25}),
        (keras.ops.leaky_relu, {"negative_slope": 0.25}),
    ],
)
def test_arguments_of_activation_functions(function, kwargs):
    x = keras.Input((5,))
    assert_native(keras.Model(x, function(x, **kwargs)), scale_firing_rates=3)
