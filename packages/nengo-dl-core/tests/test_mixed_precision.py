"""Keras layers with policies of mixed precision, and products in bfloat16."""

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf
from nengo.exceptions import ConfigError, ValidationError

from nengo_dl_core import Layer, Simulator, configure_settings
from nengo_dl_core.builders import dot
from nengo_dl_core.builders.bfloat16 import bfloat16_matmul

EPSILON = 2.0**-8  # of bfloat16, which rounds by half of it
POLICIES = ["mixed_bfloat16", "mixed_float16"]


@pytest.fixture
def policy(request):
    """The global policy of a test."""
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy(request.param)
    yield request.param
    keras.mixed_precision.set_global_policy(before)


def data(size, seed=0, n_items=8):
    return np.random.default_rng(seed).uniform(-1, 1, (n_items, 1, size))


def glorot(seed):
    return keras.initializers.GlorotUniform(seed)


class Twins:
    """The same layers in a network and in Keras."""

    def __init__(self, loss_weight, **options):
        self.loss_weight = loss_weight
        layers = [
            keras.layers.Dense(8, "tanh", kernel_initializer=glorot(0), **options),
            keras.layers.BatchNormalization(**options),
            keras.layers.Dense(3, kernel_initializer=glorot(1), **options),
        ]
        with nengo.Network(seed=0) as self.net:
            self.node = x = nengo.Node(np.zeros(5))
            for layer in layers:
                x = Layer(layer)(x)
            self.probe = nengo.Probe(x)
        self.keras = keras.Sequential([keras.Input((5,)), *layers])

    def in_network(self, x, y):
        with Simulator(self.net, minibatch_size=len(x), progress_bar=False) as sim:
            before = sim.predict(x)[self.probe]
            sim.compile(
                keras.optimizers.SGD(0.1 / self.loss_weight),
                loss={self.probe: "mse"},
                loss_weights={self.probe: self.loss_weight},
            )
            sim.fit(x, y, verbose=0)
            weights = [w.numpy() for w in sim.keras_model.trainable_variables]
            loss = sim.evaluate(x, y, verbose=0)["loss"]
            optimizer = type(sim.keras_model.optimizer).__name__
            sim.run_steps(1, data={self.node: x})
            after = sim.data[self.probe]
        return before[:, 0], weights, loss / self.loss_weight, after[:, 0], optimizer

    def in_keras(self, x, y):
        before = self.keras.predict(x[:, 0], verbose=0)
        self.keras.compile(
            keras.optimizers.SGD(0.1 / self.loss_weight),
            loss="mse",
            loss_weights=[self.loss_weight],
            jit_compile=False,
        )
        self.keras.fit(x[:, 0], y[:, 0], batch_size=len(x), verbose=0)
        weights = [w.numpy() for w in self.keras.trainable_variables]
        loss = self.keras.evaluate(x[:, 0], y[:, 0], batch_size=len(x), verbose=0)
        after = self.keras.predict(x[:, 0], verbose=0)
        optimizer = type(self.keras.optimizer).__name__
        return before, weights, loss / self.loss_weight, after, optimizer


def check_twins(twins, scaled):
    x, y = data(5), data(3, 1)
    *actual, optimizer = twins.in_network(x, y)
    *expected, kerases = twins.in_keras(x, y)
    assert optimizer == kerases == ("LossScaleOptimizer" if scaled else "SGD")
    for a, b in zip(*map(tf.nest.flatten, (actual, expected)), strict=True):
        assert np.asarray(a).dtype in (np.float32, np.float64)
        np.testing.assert_allclose(a, b, atol=2 * EPSILON)
    first, (weights, *_) = actual[:2]
    assert np.abs(first - expected[3]).max() > 4 * EPSILON  # it has learned
    assert weights.dtype == np.float32


@pytest.mark.parametrize("dtype", POLICIES)
def test_policy_of_layers(dtype):
    check_twins(Twins(1.0, dtype=dtype), scaled=False)


@pytest.mark.parametrize("policy", POLICIES, indirect=True)
def test_global_policy(policy):
    """In float16 the gradients of so small a loss would be zero, were it not scaled."""
    scaled = policy == "mixed_float16"
    check_twins(Twins(1e-6 if scaled else 1.0), scaled)


@pytest.mark.parametrize("policy", POLICIES, indirect=True)
def test_global_policy_leaves_the_simulation_alone(policy):
    with nengo.Network(seed=0) as net:
        node = nengo.Node(np.zeros(5))
        probe = nengo.Probe(node)
    x = data(5).astype(np.float32)
    with Simulator(net, minibatch_size=8, progress_bar=False) as sim:
        sim.compile("sgd", loss={probe: "mse"})
        assert sim.evaluate({node: x}, {probe: x}, verbose=0)["loss"] == 0
        given = tf.data.Dataset.from_tensors(
            {"node": x, "n_steps": np.ones((8, 1), np.int32)}
        )
        np.testing.assert_array_equal(sim.predict(given)[probe], x)


def test_layer_in_a_loop():
    """What it computes goes round, in the simulation's own type."""
    outputs = []
    for dtype in ("float32", "mixed_bfloat16"):
        layer = keras.layers.Dense(
            4, dtype=dtype, kernel_initializer=keras.initializers.Orthogonal(seed=0)
        )
        with nengo.Network(seed=0) as net:
            x = nengo.Node(size_in=4)
            nengo.Connection(nengo.Node(np.ones(4)), x, synapse=None)
            y = Layer(layer)(x, synapse=None)
            nengo.Connection(y, x, synapse=0.005)
            probe = nengo.Probe(y)
        with Simulator(net, progress_bar=False) as sim:
            sim.run_steps(20)
            sim.compile("sgd", loss="mse")
            sim.fit(n_steps=5, y=np.zeros((1, 5, 4)), verbose=0)
            outputs.append(sim.data[probe])
    exact, mixed = outputs
    assert mixed.dtype == np.float32
    assert 0 < np.abs(mixed - exact).max() < 8 * EPSILON


def rounded(x):
    return tf.cast(tf.cast(x, tf.bfloat16), tf.float32).numpy()


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_bfloat16_matmul(transpose_a, transpose_b):
    rng = np.random.default_rng(0)
    a, b, upstream = (
        tf.constant(rng.normal(size=shape), tf.float32)
        for shape in [(2, 5, 70), (2, 70, 6), (2, 5, 6)]
    )
    x, z, u = map(rounded, (a, b, upstream))
    expected = [x @ z, u @ np.swapaxes(z, 1, 2), np.swapaxes(x, 1, 2) @ u]
    if transpose_a:
        a = tf.linalg.matrix_transpose(a)
        expected[1] = np.swapaxes(expected[1], 1, 2)
    if transpose_b:
        b = tf.linalg.matrix_transpose(b)
        expected[2] = np.swapaxes(expected[2], 1, 2)
    with tf.GradientTape() as tape:
        tape.watch([a, b])
        y = bfloat16_matmul(a, b, transpose_a, transpose_b)
    for actual, wanted in zip(
        (y, *tape.gradient(y, [a, b], upstream)), expected, strict=True
    ):
        np.testing.assert_allclose(actual, wanted, atol=1e-4)


class TestProducts:
    """Of a large and a small matrix, in runs and in training."""

    def results(self, product_dtype, jit_compile, recurrent, checkpoints=False):
        rng = np.random.default_rng(0)
        with nengo.Network(seed=0) as net:
            configure_settings(
                product_dtype=product_dtype,
                jit_compile=jit_compile,
                gradient_checkpoints=checkpoints,
            )
            node = nengo.Node(np.zeros(64))
            large, small = nengo.Node(size_in=64), nengo.Node(size_in=3)
            weights = [rng.normal(size=(64, 64)) / 8, rng.normal(size=(3, 64)) / 8]
            nengo.Connection(node, large, transform=weights[0], synapse=None)
            nengo.Connection(large, small, transform=weights[1], synapse=None)
            if recurrent:
                nengo.Connection(large, large, transform=-0.5, synapse=0.002)
            probes = nengo.Probe(large), nengo.Probe(small)
        x = rng.uniform(-1, 1, (2, 4, 64))
        with Simulator(net, minibatch_size=2, progress_bar=False) as sim:
            predicted = sim.predict({node: x})
            sim.compile(keras.optimizers.SGD(1.0), loss={probes[1]: "mse"})
            sim.fit({node: x}, {probes[1]: np.ones((2, 4, 3))}, verbose=0)
            trained = [sim.data[conn].weights for conn in net.connections[:2]]
        changes = [a - b for a, b in zip(trained, weights, strict=True)]
        return x, weights, [predicted[probe] for probe in probes], changes

    @pytest.mark.parametrize("recurrent", [False, True])
    @pytest.mark.parametrize("jit_compile", ["auto", False])
    def test_large_ones(self, jit_compile, recurrent, monkeypatch):
        *_, exact, exact_changes = self.results(None, jit_compile, recurrent)
        used = []

        def spy(a, b, transpose_b):
            used.append(b.shape)
            return bfloat16_matmul(a, b, transpose_b=transpose_b)

        monkeypatch.setattr(dot, "bfloat16_matmul", spy)
        x, weights, values, changes = self.results("bfloat16", jit_compile, recurrent)
        assert {tuple(shape) for shape in used} == {(64, 64)}
        if not recurrent:
            large = rounded(x.astype("f4")) @ rounded(weights[0].astype("f4")).T
            np.testing.assert_allclose(values[0], large, atol=1e-5)
            np.testing.assert_allclose(values[1], large @ weights[1].T, atol=1e-5)
        for a, b in zip(values + changes, exact + exact_changes, strict=True):
            np.testing.assert_allclose(a, b, atol=2 * EPSILON * np.abs(b).max())

    def test_checkpoints(self):
        """Gradients of weights are then computed in a compiled loop."""
        *_, expected = self.results("bfloat16", "auto", True)
        *_, changes = self.results("bfloat16", "auto", True, checkpoints=True)
        for a, b in zip(changes, expected, strict=True):
            assert b.any()
            np.testing.assert_allclose(a, b, atol=2 * EPSILON * np.abs(b).max())

    def test_gradients_are_checked_in_double_precision(self):
        with nengo.Network(seed=0) as net:
            configure_settings(product_dtype="bfloat16")
            x, y = nengo.Node(np.ones(64)), nengo.Node(size_in=64)
            nengo.Connection(x, y, transform=np.full((64, 64), 0.3), synapse=None)
            nengo.Probe(y)
        with Simulator(net, progress_bar=False) as sim:
            sim.check_gradients()

    @pytest.mark.parametrize("dtype", ["float64", "float16"])
    def test_other_types(self, dtype):
        with nengo.Network() as net:
            configure_settings(dtype=dtype, product_dtype=tf.bfloat16)
            nengo.Probe(nengo.Node([0.0]))
        with pytest.raises(ConfigError, match=f'"float32".*dtype="{dtype}"'):
            Simulator(net, progress_bar=False)

    def test_unknown_type(self):
        with nengo.Network():
            with pytest.raises(ValidationError, match='must be "bfloat16" or None'):
                configure_settings(product_dtype="float16")
