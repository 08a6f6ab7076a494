import keras
import numpy as np
import pytest
from keras import layers

from keras_oracle import randomize
from nengo_dl_converter import ConversionError, Converter

N_STEPS = 6


def assert_temporal(model, **kwargs):
    converter = Converter(randomize(model), temporal_model=True, **kwargs)
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(2, N_STEPS, *x.shape[2:])) for x in model.inputs]
    assert converter.verify(inputs=inputs, rtol=1e-9)
    report = converter.compare(inputs)
    assert report.departure(1e-9) is None
    return converter


@pytest.mark.parametrize("n_steps", [None, N_STEPS])
def test_layers_that_work_on_each_step(n_steps):
    x = keras.Input((n_steps, 4))
    h = layers.Dense(6, activation="relu")(x)
    h = layers.Concatenate()([layers.Activation("tanh")(h), h])
    h = layers.BatchNormalization()(layers.Dropout(0.1)(h))
    h = layers.Add()([h, h]) + 1.0
    model = keras.Model(x, layers.Reshape((n_steps or -1, 4, 3))(h))
    assert_temporal(model, inference_only=True, allow_fallback=False)


def test_time_distributed_layers():
    frames = keras.Input((N_STEPS, 6, 6, 2))
    x = layers.TimeDistributed(layers.Conv2D(3, 3, activation="relu"))(frames)
    x = layers.TimeDistributed(layers.AveragePooling2D(2))(x)
    x = layers.TimeDistributed(layers.Flatten())(x)
    assert_temporal(keras.Model(frames, layers.Dense(3)(x)), allow_fallback=False)


def test_time_distributed_models():
    inner = keras.Sequential([keras.Input((2, 3)), layers.Flatten(), layers.Dense(4)])
    x = keras.Input((None, 2, 3))
    model = keras.Model(x, layers.TimeDistributed(inner)(x))
    assert_temporal(model, allow_fallback=False)


def test_fallback_for_each_step():
    x = keras.Input((N_STEPS, 4))
    y = layers.LayerNormalization()(x)
    y = layers.TimeDistributed(layers.UnitNormalization())(y)
    with pytest.warns(UserWarning, match="becomes a TensorNode"):
        assert_temporal(keras.Model(x, y))


def test_default_inputs_have_steps():
    x = keras.Input((None, 4))
    assert Converter(keras.Model(x, layers.Dense(2)(x)), temporal_model=True).verify()


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.Flatten(),
        lambda: layers.Conv1D(2, 3),
        lambda: layers.Conv1D(2, 3, padding="same"),
        lambda: layers.Reshape((4, N_STEPS)),
        lambda: layers.Reshape((2 * N_STEPS, -1)),
        lambda: layers.Concatenate(axis=1),
    ],
)
def test_layers_that_work_across_steps_are_refused(layer):
    layer = layer()
    x = keras.Input((N_STEPS, 4))
    y = layer([x, x]) if isinstance(layer, layers.Concatenate) else layer(x)
    with pytest.raises(ConversionError, match="works across the steps"):
        Converter(keras.Model(x, y), temporal_model=True)


def test_layers_that_mix_steps_are_refused():
    x = keras.Input((4, 4))
    with pytest.raises(ConversionError, match="mixes the steps"):
        Converter(keras.Model(x, layers.Permute((2, 1))(x)), temporal_model=True)


def test_normalization_of_steps_is_refused():
    x = keras.Input((N_STEPS, 4))
    model = keras.Model(x, layers.BatchNormalization(axis=1)(x))
    with pytest.raises(
        ConversionError, match="step of a temporal model, in its own way"
    ):
        Converter(model, temporal_model=True, inference_only=True)


def test_time_distributed_in_a_model_that_is_not_temporal():
    x = keras.Input((3, 4))
    model = keras.Model(x, layers.TimeDistributed(layers.Dense(2))(x))
    with pytest.raises(ConversionError, match="not converted as a temporal_model"):
        Converter(model, allow_fallback=False)
