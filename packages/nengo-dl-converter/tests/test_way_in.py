"""The way in: a Keras model becomes a network for any Nengo simulator."""

import keras

from keras_oracle import assert_native


def test_converted_model_runs_in_the_reference_simulator():
    image = keras.Input((5, 5, 1))
    hidden = keras.layers.Conv2D(4, 3, activation="relu")(image)
    output = keras.layers.Dense(3)(keras.layers.Flatten()(hidden))
    converter = assert_native(keras.Model(image, output), atol=1e-5)
    assert converter.net.n_neurons == 3 * 3 * 4
