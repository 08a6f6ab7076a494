"""KerasSpiking's layers under Keras 3.

The expected values are what KerasSpiking 0.3.0 computes under tf_keras 2.21, for which
it was made.
"""

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from nengo_dl_converter import ConversionError, Converter

pytest.importorskip("keras_spiking")
from nengo_dl_converter.spiking import Alpha, Lowpass, SpikingActivation

INPUTS = (np.arange(12.0, dtype="float32").reshape(1, 6, 2) * 37) % 11 / 5
LOWPASS = {
    0.0: [
        [0.0, 0.07613005],
        [0.15226011, 0.08791784],
        [0.23293322, 0.25084397],
        [0.24883173, 0.3411681],
        [0.4154774, 0.36579922],
        [0.5091671, 0.33098882],
    ],
    2.0: [
        [1.8096749, 1.8858049],
        [1.7897216, 1.7253793],
        [1.7145696, 1.7324805],
        [1.5894718, 1.6818084],
        [1.6285387, 1.5788608],
        [1.6067904, 1.4286124],
    ],
}
ALPHA = {
    0.0: [
        [0.0, 0.00374303],
        [0.00748606, 0.01121112],
        [0.02522951, 0.02652119],
        [0.04577679, 0.0523092],
        [0.07329334, 0.08100875],
        [0.1104628, 0.10639863],
    ],
    2.0: [
        [1.9906424, 1.9943855],
        [1.9724401, 1.9761652],
        [1.9513574, 1.9526488],
        [1.9226735, 1.9292055],
        [1.8928859, 1.900601],
        [1.8666607, 1.8625963],
    ],
}
CASES = [
    (kind, level, expected[level])
    for kind, expected in ((Lowpass, LOWPASS), (Alpha, ALPHA))
    for level in expected
]


def filtered(kind, level):
    x = keras.Input((6, 2))
    initial = keras.initializers.Constant(level)
    return keras.Model(x, kind(0.01, level_initializer=initial)(x))


@pytest.fixture(autouse=True)
def float32():
    """Undo what the other tests need: KerasSpiking computes in single precision."""
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(("kind", "level", "expected"), CASES)
def test_filters_compute_what_they_do_under_tf_keras(kind, level, expected):
    model = filtered(kind, level)
    for training in (False, True):
        actual = model(INPUTS, training=training).numpy()[0]
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-7)


def test_filters_learn_what_they_do_under_tf_keras():
    model = filtered(Lowpass, 0.0)
    model.compile(keras.optimizers.SGD(0.001), loss="mse")
    model.fit(INPUTS, np.ones_like(INPUTS), epochs=3, verbose=0)
    learned = {weight.name: weight.numpy().ravel() for weight in model.weights}
    np.testing.assert_allclose(
        learned["initial_level"], [0.0005491, 0.00055519], rtol=1e-4
    )
    np.testing.assert_allclose(learned["tau"], [-0.00383822, -0.00376781], rtol=1e-4)


@pytest.mark.parametrize(
    ("seed", "training", "spikes"),
    [(0, False, [[2, 1], [4, 0]]), (3, True, [[1, 0], [5, 0]])],
)
def test_spikes_are_those_under_tf_keras(seed, training, spikes):
    layer = SpikingActivation("relu", seed=seed)
    output = layer(200 * INPUTS, training=training).numpy()[0]
    np.testing.assert_array_equal(np.argwhere(output), spikes)
    np.testing.assert_allclose(
        output[tuple(zip(*spikes, strict=True))], 1000, rtol=1e-5
    )


def test_training_without_spikes():
    layer = SpikingActivation("relu", spiking_aware_training=False)
    np.testing.assert_allclose(layer(INPUTS, training=True), INPUTS)


def test_gradient_of_spikes_is_that_of_rates():
    x = keras.ops.convert_to_tensor(INPUTS - 1)
    layer = SpikingActivation("relu")
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(layer(x, training=True))
    np.testing.assert_array_equal(tape.gradient(total, x), INPUTS > 1)


@pytest.mark.parametrize("unroll", [False, True])
def test_arguments_of_recurrent_layers(unroll):
    whole = np.array(LOWPASS[0.0], dtype="float32")
    last = Lowpass(0.01, return_sequences=False, unroll=unroll)
    np.testing.assert_allclose(last(INPUTS)[0], whole[-1], rtol=1e-5)

    _, state = Lowpass(0.01, return_state=True, unroll=unroll)(INPUTS)
    np.testing.assert_allclose(state[0], whole[-1], rtol=1e-5)

    _, state = Lowpass(0.01, return_state=True, unroll=unroll)(INPUTS[:, :3])
    rest = Lowpass(0.01, unroll=unroll)(INPUTS[:, 3:], initial_state=[state])
    np.testing.assert_allclose(rest[0], whole[3:], rtol=1e-5)

    timed = Lowpass(0.01, time_major=True, unroll=unroll)(INPUTS.swapaxes(0, 1))
    np.testing.assert_allclose(timed[:, 0], whole, rtol=1e-5)

    stateful = Lowpass(0.01, stateful=True, unroll=unroll)
    halves = [stateful(INPUTS[:, :3]), stateful(INPUTS[:, 3:])]
    np.testing.assert_allclose(np.concatenate(halves, axis=1)[0], whole, rtol=1e-5)
    stateful.reset_states()
    np.testing.assert_allclose(stateful(INPUTS[:, :3])[0], whole[:3], rtol=1e-5)


def test_states_are_given_to_the_layer():
    layer = Lowpass(0.01, stateful=True)
    layer(INPUTS)
    with pytest.raises(NotImplementedError, match="initial_state"):
        layer.reset_states([np.zeros((1, 1))])


def test_features_of_several_axes():
    flat = Alpha(0.01)(np.tile(INPUTS, (1, 1, 3)))
    cube = Alpha(0.01)(np.tile(INPUTS, (1, 1, 3)).reshape(1, 6, 3, 1, 2))
    np.testing.assert_array_equal(np.reshape(cube, (1, 6, 6)), flat)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras, saving
def test_models_are_trained_and_saved(tmp_path):
    x = keras.Input((None, 3))
    spikes = SpikingActivation("relu", seed=1)(layers.Dense(4)(x))
    outputs = Lowpass(0.01, return_sequences=False)(Alpha(0.02)(spikes))
    model = keras.Model(x, outputs)
    model.compile("adam", loss="mse")
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(8, 10, 3))
    model.fit(inputs, rng.normal(size=(8, 4)), epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for saved, weight in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(saved, weight)
    assert isinstance(loaded.layers[-1], Lowpass)


@pytest.mark.parametrize(("kind", "level", "expected"), CASES)
def test_converted_filters(kind, level, expected):
    model = filtered(kind, level)
    converter = Converter(
        model, temporal_model=True, inference_only=True, allow_fallback=False
    )
    assert converter.verify(inputs=[INPUTS])


def test_converted_filters_on_neurons():
    x = keras.Input((20, 3))
    rates = layers.Dense(5, "relu")(x)
    model = keras.Model(x, layers.Dense(2)(Alpha(0.005)(Lowpass(0.01)(rates))))
    converter = Converter(model, temporal_model=True, inference_only=True)
    inputs = np.random.default_rng(0).normal(size=(3, 20, 3))
    assert converter.verify(inputs=[inputs])


@pytest.mark.parametrize(
    ("activation", "neuron_type"),
    [
        ("relu", nengo.SpikingRectifiedLinear()),
        ("sigmoid", nengo.RegularSpiking(nengo.Sigmoid(tau_ref=1))),
    ],
)
def test_converted_spikes(activation, neuron_type):
    x = keras.Input((100, 2))
    model = keras.Model(x, SpikingActivation(activation)(x))
    converter = Converter(model, temporal_model=True, inference_only=True)
    (ensemble,) = converter.net.all_ensembles
    assert ensemble.neuron_type == neuron_type


def test_converted_spikes_have_the_rates_of_the_layer():
    x = keras.Input((200, 4))
    model = keras.Model(x, SpikingActivation("relu")(x))
    converter = Converter(model, temporal_model=True, inference_only=True)
    rates = np.tile([20.0, 60.0, 0.0, 150.0], (1, 200, 1))
    report = converter.compare([rates])
    assert report.layers[0].max_rate == pytest.approx(150, abs=5)
    assert report.layers[0].mean_rate == pytest.approx(57.5, abs=4)


@pytest.mark.parametrize("shape", [(10,), (2, 3)])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_converted_spikes_start_from_the_seed(activation, shape):
    x = keras.Input((None, *shape))
    scaled = layers.Rescaling(60)(x) if activation == "relu" else x
    model = keras.Model(x, SpikingActivation(activation, seed=3, dt=0.001)(scaled))
    converter = Converter(model, temporal_model=True, inference_only=True)
    inputs = np.random.default_rng(0).uniform(size=(1, 500, *shape))
    assert np.any(model.predict(inputs, verbose=0))
    assert converter.verify(inputs=inputs)


def test_training_in_spikes_is_for_inference_only():
    x = keras.Input((5, 2))
    aware = keras.Model(x, SpikingActivation("relu")(x))
    with pytest.raises(ConversionError, match="spiking_aware_training=True"):
        Converter(aware, temporal_model=True)
    rates = SpikingActivation("relu", spiking_aware_training=False)(x)
    assert Converter(keras.Model(x, rates), temporal_model=True).net.all_ensembles


@pytest.mark.parametrize(
    ("layer", "match"),
    [
        (lambda: Lowpass(0.01), "time constants are trained"),
        (lambda: Lowpass(0.01, stateful=True), "stateful=True"),
        (lambda: SpikingActivation("softmax"), "no neuron type computes"),
    ],
)
def test_layers_without_native_form_cannot_be_tensor_nodes(layer, match):
    x = keras.Input((5, 2), batch_size=1)
    model = keras.Model(x, layer()(x))
    kwargs = {"inference_only": "time constants" not in match}
    with pytest.raises(ConversionError, match=match):
        Converter(model, temporal_model=True, **kwargs)


def test_a_model_that_is_not_converted_as_temporal():
    x = keras.Input((5, 2))
    model = keras.Model(x, Lowpass(0.01)(x))
    with pytest.raises(ConversionError, match="not converted as a temporal_model"):
        Converter(model, allow_fallback=False)
