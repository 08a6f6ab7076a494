"""Activations in levels that are spike counts: the Keras layer and the neurons."""

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from nengo.exceptions import ValidationError

import nengo_dl_core
from nengo_dl_converter import Converter, QuantizedReLU, SpikingQuantizedReLU

SIMULATORS = [nengo.Simulator, nengo_dl_core.Simulator]


def spikes_of(neuron_types, drive, simulator=nengo.Simulator, **settings):
    """Outputs, ``(n_steps, n_types, n_neurons)``, for inputs of that shape."""
    n_steps, _, n_neurons = drive.shape
    with nengo.Network() as net:
        if simulator is nengo_dl_core.Simulator:
            nengo_dl_core.configure_settings(dtype="float64", **settings)
        inputs = nengo.processes.PresentInput(drive.reshape(n_steps, -1), 0.001)
        node = nengo.Node(inputs)
        probes = []
        for i, neuron_type in enumerate(neuron_types):
            ens = nengo.Ensemble(
                n_neurons,
                1,
                neuron_type=neuron_type,
                gain=np.ones(n_neurons),
                bias=np.zeros(n_neurons),
            )
            part = node[i * n_neurons : (i + 1) * n_neurons]
            nengo.Connection(part, ens.neurons, synapse=None)
            probes.append(nengo.Probe(ens.neurons))
    with simulator(net, progress_bar=False) as sim:
        sim.run_steps(n_steps)
        return np.stack([sim.data[probe] for probe in probes], axis=1)


def counts(drive, threshold, signed):
    """Spikes less those taken back after each step, one neuron at a time."""
    found = np.zeros_like(drive)
    for neuron in range(drive.shape[1]):
        total, count = 0.5, 0
        for step, value in enumerate(drive[:, neuron] / threshold[neuron]):
            total += value
            if total >= count + 1:
                count += 1
            elif signed and total < count and count > 0:
                count -= 1
            found[step, neuron] = count
    return found


@pytest.mark.parametrize(
    ("simulator", "settings"),
    [
        (nengo.Simulator, {}),
        (nengo_dl_core.Simulator, {}),
        (nengo_dl_core.Simulator, {"jit_compile": True}),
    ],
    ids=["nengo", "numpy", "compiled"],
)
def test_neurons_count_what_arrives(simulator, settings):
    rng = np.random.default_rng(0)
    thresholds = rng.uniform(0.5, 3, size=(2, 9))
    drive = rng.normal(0.3, 1.5, size=(50, 2, 9))
    types = [SpikingQuantizedReLU(x, i == 1) for i, x in enumerate(thresholds)]
    found = spikes_of(types, drive, simulator, **settings)
    for i, threshold in enumerate(thresholds):
        expected = counts(drive[:, i], threshold, signed=i == 1)
        heights = found[:, i].cumsum(axis=0) / threshold
        np.testing.assert_allclose(heights, expected, atol=1e-9)
    assert (found[:, 0] >= 0).all()
    assert (found[:, 1] < 0).any()


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_populations_that_are_alike_are_not_confused(simulator):
    drive = np.tile([[[0.5], [1.5]]], (4, 1, 1))
    types = [SpikingQuantizedReLU([2.0]), SpikingQuantizedReLU([2.0])]
    found = spikes_of(types, drive, simulator)[..., 0]
    np.testing.assert_array_equal(found, [[0, 2], [2, 2], [0, 0], [0, 2]])


def test_only_signed_neurons_take_back_a_spike_that_came_too_soon():
    drive = np.tile(np.array([2.0, -1, -1, 0])[:, None, None], (1, 2, 1))
    types = [SpikingQuantizedReLU(1.0), SpikingQuantizedReLU(1.0, signed=True)]
    sums = spikes_of(types, drive).cumsum(axis=0)[..., 0]
    np.testing.assert_array_equal(sums.T, [[1, 1, 1, 1], [1, 1, 0, 0]])


def test_a_step_is_a_step_however_long_it_is():
    rates = SpikingQuantizedReLU(2.0).rates([[-1.0, 1.0, 3.0]], np.ones(3), np.zeros(3))
    np.testing.assert_array_equal(rates, [[0, 1, 2]])
    with nengo.Network() as net:
        ens = nengo.Ensemble(
            1, 1, neuron_type=SpikingQuantizedReLU(), gain=[1], bias=[0.25]
        )
        probe = nengo.Probe(ens.neurons)
    for dt in (0.001, 1.0):
        with nengo.Simulator(net, dt=dt, progress_bar=False) as sim:
            sim.run_steps(8)
        np.testing.assert_array_equal(sim.data[probe][:, 0], [0, 1, 0, 0, 0, 1, 0, 0])


@pytest.mark.parametrize("threshold", [0, [1, -1], [[1.0]], np.nan])
def test_impossible_thresholds(threshold):
    with pytest.raises(ValidationError, match="must be a positive number"):
        SpikingQuantizedReLU(threshold)


@pytest.mark.parametrize("levels", [1, 4, 7])
def test_as_many_steps_as_levels_give_what_the_layer_gives(levels):
    x = keras.Input((20,))
    hidden = QuantizedReLU(levels, threshold=1.3)
    model = keras.Model(x, hidden(layers.Dense(15, bias_initializer="normal")(x)))
    inputs = np.random.default_rng(1).normal(size=(10, 20))
    converter = Converter(model, allow_fallback=False)
    report = converter.compare([inputs], n_steps=levels)
    assert report.layers[-1].name == hidden.name
    assert report.layers[-1].difference < 1e-9
    assert report.layers[-1].max_rate == 1000
    assert len(np.unique(model(inputs).numpy().round(9))) > min(levels, 3)


def test_rounding_has_the_gradient_of_the_line():
    layer = QuantizedReLU(levels=4, threshold=2.0)
    x = tf.constant([-1.0, 0.7, 1.9, 5.0], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x)
    np.testing.assert_allclose(outputs, [0, 0.5, 2, 2])
    by_input, by_threshold = tape.gradient(outputs, [x, layer.threshold.value])
    np.testing.assert_allclose(by_input, [0, 1, 1, 0])
    # Levels move with the threshold: by their rounding, and above it as a whole.
    np.testing.assert_allclose(by_threshold, (1 - 1.4) / 4 + (4 - 3.8) / 4 + 1)


def test_the_threshold_is_learned_and_stays_positive():
    x = keras.Input((1,))
    layer = QuantizedReLU(threshold=0.5)
    model = keras.Model(x, layer(x))
    model.compile(keras.optimizers.SGD(0.2), loss="mse")
    model.fit(np.full((8, 1), 9.0), np.full((8, 1), 3.0), epochs=15, verbose=0)
    assert float(layer.threshold) == pytest.approx(3, abs=0.01)
    model.fit(np.full((8, 1), 9.0), np.full((8, 1), -30.0), epochs=3, verbose=0)
    assert float(layer.threshold) == pytest.approx(1e-3)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras, saving
def test_models_with_the_layer_are_saved(tmp_path):
    x = keras.Input((3,))
    model = keras.Model(x, QuantizedReLU(3, 1.5, name="levels")(x))
    model.layers[-1].threshold.assign(2.5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").get_layer("levels")
    assert (loaded.levels, float(loaded.threshold)) == (3, 2.5)


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"levels": 0}, "levels must be a whole number above 0, not 0"),
        ({"levels": 2.5}, "levels must be a whole number"),
        ({"threshold": 0}, "threshold must be above 0, not 0"),
    ],
)
def test_impossible_arguments_of_the_layer(kwargs, match):
    with pytest.raises(ValueError, match=match):
        QuantizedReLU(**kwargs)


@pytest.mark.parametrize("gradient", [False, nengo_dl_core.surrogates.Triangle()])
def test_networks_are_trained(gradient):
    x = keras.Input((4,))
    model = keras.Model(x, QuantizedReLU(threshold=1.0)(layers.Dense(6)(x)))
    converter = Converter(model)
    with converter.net:
        nengo_dl_core.configure_settings(spike_gradient=gradient)
    inputs = np.random.default_rng(0).normal(size=(32, 1, 4)).repeat(4, axis=1)
    targets = np.ones((32, 4, 6))
    with nengo_dl_core.Simulator(
        converter.net, minibatch_size=32, progress_bar=False
    ) as sim:
        sim.compile(keras.optimizers.Adam(0.05), loss="mse")
        losses = sim.fit(inputs, targets, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
