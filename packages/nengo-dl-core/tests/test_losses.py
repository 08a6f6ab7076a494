"""Loss functions."""

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf

from nengo_dl_core import Simulator, configure_settings
from nengo_dl_core.losses import FiringRates, Regularize, nan_mse


@pytest.fixture
def values():
    rng = np.random.RandomState(0)
    return rng.normal(size=(2, 4, 5, 3))


def test_nan_mse_is_kerass_without_nan(values):
    target, output = values[..., 0], values[..., 1]
    np.testing.assert_allclose(
        nan_mse(target, output), keras.losses.mean_squared_error(target, output)
    )


def test_nan_mse_ignores_nan(values):
    target, output = values[..., 0].copy(), tf.constant(values[..., 1])
    target[0, 1, 2] = target[1] = np.nan
    with tf.GradientTape() as tape:
        tape.watch(output)
        loss = tf.reduce_mean(nan_mse(target, output))
    expected = np.nansum(np.square(target - output)) / target.size
    np.testing.assert_allclose(loss, expected)
    gradient = np.nan_to_num(2 * (output - target) / target.size)
    np.testing.assert_allclose(tape.gradient(loss, output), gradient)


def test_nan_mse_keeps_the_type():
    output = np.ones((1, 1, 2), np.float32)
    assert nan_mse(np.zeros((1, 1, 2)), output).dtype == tf.float32
    assert nan_mse(np.zeros((1, 1, 2), int), np.ones((1, 1, 2))).dtype == tf.float64


@pytest.mark.parametrize("order", [1, 2, np.inf, 3, "euclidean"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, -2])
def test_regularize(order, axis, values):
    loss = Regularize(order, axis)(None, values)
    flat = values.reshape(2, 4, -1) if axis is None else values
    axis = -1 if axis is None else axis % 2 + 2
    ord_ = 2 if order == "euclidean" else order
    expected = np.linalg.norm(flat, ord=ord_, axis=axis).mean()
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


@pytest.mark.parametrize("axis", [2, -3])
def test_regularize_names_a_wrong_axis(axis, values):
    with pytest.raises(ValueError, match=f"axis {axis}.*2 axes"):
        Regularize(axis=axis)(None, values)


@pytest.mark.parametrize("order", [1, 2, np.inf])
def test_regularize_has_no_gradient_at_zero(order):
    weights = tf.Variable([[[0.0, 0.0]], [[3.0, -4.0]]])
    with tf.GradientTape() as tape:
        loss = Regularize(order)(None, weights)
    gradient = tape.gradient(loss, weights).numpy()
    np.testing.assert_array_equal(gradient[0], 0)
    assert (gradient[1] != 0).any()


def test_regularize_in_training():
    """Keras averages, weighs and minimises it like any loss of its own."""
    layer = keras.layers.Dense(3, use_bias=False)
    model = keras.Sequential([keras.Input((4, 2)), layer])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=Regularize(axis=0))
    x = np.ones((8, 4, 2))
    before = np.linalg.norm(model.predict(x, verbose=0), axis=-1).mean()
    history = model.fit(x, np.zeros((8, 4, 3)), epochs=2, verbose=0)
    np.testing.assert_allclose(history.history["loss"][0], before, rtol=1e-5)
    assert history.history["loss"][1] < before
    weighted = Regularize(axis=0)(x, x, sample_weight=np.arange(8)[:, None])
    np.testing.assert_allclose(weighted, np.sqrt(2) * np.mean(range(8)), rtol=1e-6)


def test_regularize_can_be_made_again():
    loss = Regularize.from_config(Regularize(order=1, axis=0).get_config())
    assert (loss.order, loss.axis) == (1, 0)


@pytest.mark.parametrize("percentile", [0, 37, 99, 100])
def test_firing_rates(percentile, values):
    rates = 100 * np.abs(values[..., 0])
    loss = FiringRates(low=50, high=60, percentile=percentile)(None, rates)
    found = np.percentile(rates, percentile, axis=(0, 1))
    expected = np.mean((found - np.clip(found, 50, 60)) ** 2)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_firing_rates_are_brought_into_the_range():
    with nengo.Network(seed=0) as net:
        configure_settings(jit_compile=False)
        ens = nengo.Ensemble(20, 1, neuron_type=nengo.LIFRate())
        node = nengo.Node([0.0])
        nengo.Connection(node, ens, synapse=None)
        probe = nengo.Probe(ens.neurons)
    x = np.linspace(-1, 1, 30)[:, None, None]
    with Simulator(net, minibatch_size=16, progress_bar=False) as sim:
        loss = FiringRates(low=80, high=120)
        sim.compile(keras.optimizers.Adam(0.3), loss={probe: loss})
        history = sim.fit(x, np.zeros((30, 1, 20)), epochs=40, verbose=0).history
        rates = np.percentile(sim.predict(x)[probe], 99, axis=(0, 1))
    assert history["loss"][-1] < 0.05 * history["loss"][0]
    assert 60 < rates.min() < rates.max() < 200  # of 200 to 400


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 2, "high": 1}, "range from 2 to 1 is empty"),
        ({"low": 0, "high": 1, "percentile": 101}, "not 101"),
    ],
)
def test_firing_rates_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        FiringRates(**options)


def test_firing_rates_can_be_made_again():
    loss = FiringRates.from_config(FiringRates(1, 2, 3).get_config())
    assert (loss.low, loss.high, loss.percentile) == (1, 2, 3)
