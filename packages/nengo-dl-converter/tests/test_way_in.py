"""The way in: a Keras model becomes a network for any Nengo simulator."""

import subprocess
import sys

import keras
import pytest

from keras_oracle import assert_native


def test_converted_model_runs_in_the_reference_simulator():
    image = keras.Input((5, 5, 1))
    hidden = keras.layers.Conv2D(4, 3, activation="relu")(image)
    output = keras.layers.Dense(3)(keras.layers.Flatten()(hidden))
    converter = assert_native(keras.Model(image, output), atol=1e-5)
    assert converter.net.n_neurons == 3 * 3 * 4


FIRST_USES = """
import sys
import nengo_dl_converter as package
assert not {"keras", "tensorflow"} & {*sys.modules}
assert len({*package.__all__}) == len(package.__all__)
for name in package.__all__:
    assert name in dir(package), name
    found = getattr(package, name)
    assert getattr(found, "__name__", name) == name
    assert getattr(package, name) is found
from nengo_dl_converter.layers import __all__ as layers
assert {*layers} <= {*package.__all__}
"""


def test_keras_is_loaded_at_the_first_use_of_what_needs_it():
    subprocess.run([sys.executable, "-c", FIRST_USES], check=True)


def test_there_is_an_error_for_what_there_is_not():
    import nengo_dl_converter

    with pytest.raises(AttributeError, match="has no attribute 'ConvertNothing'"):
        nengo_dl_converter.ConvertNothing  # noqa: B018
