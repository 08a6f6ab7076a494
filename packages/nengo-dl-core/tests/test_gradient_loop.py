"""The gradient of a loop of steps is the one that TensorFlow has for the loop."""

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, reject
from hypothesis import strategies as st
from nengo.exceptions import BuildError

import network_strategies as networks
from nengo_dl_core import (
    Layer,
    LeakyReLU,
    Simulator,
    SoftLIFRate,
    SpikingLeakyReLU,
    TensorNode,
    configure_settings,
    tuning,
)
from nengo_dl_core.engine import gradient_loop
from nengo_dl_core.engine.dataflow import Needed
from nengo_dl_core.engine.loop import Output, run_loop
from nengo_dl_core.training import simulation_layer

N_STEPS = 7


def results_and_gradients(layer, training=True, n_steps=N_STEPS, order=1):
    """Probes, final state, and the gradient of a function by inputs and weights."""
    rng = np.random.default_rng(0)
    inputs = {
        name: tf.constant(
            rng.normal(size=(layer.program.minibatch_size, n_steps, node.size_out)) / 2,
            layer.program.float_type,
        )
        for node, name in layer.program.input_names.items()
    }
    n_steps = tf.fill((layer.program.minibatch_size, 1), n_steps)
    weights = [tf.convert_to_tensor(x) for x in layer.trainable_variables]
    arguments = [*inputs.values(), *(x.value for x in layer.trainable_variables)]

    @tf.function(autograph=False)
    def compute():
        with tf.GradientTape(persistent=order > 1) as tape:
            tape.watch(list(inputs.values()))
            outputs = layer.call({**inputs, "n_steps": n_steps}, training=training)
            loss = sum(tf.reduce_sum(tf.sin(x)) for x in outputs.values())
            if order == 2:
                gradients = tape.gradient(loss, arguments)
                norm = sum(tf.reduce_sum(tf.sin(x)) for x in gradients if x is not None)
        if order == 1:
            gradients = tape.gradient(loss, arguments, unconnected_gradients="zero")
        else:
            gradients += tape.gradient(norm, arguments, unconnected_gradients="zero")
        return outputs, gradients

    assert all(np.isfinite(x).all() for x in weights)
    return compute()


def check(net, monkeypatch, jit_compile=False, order=1, **options):
    with Simulator(net, progress_bar=False, **options) as sim:
        layer = sim.tensor_graph
        layer.jit_compile = jit_compile
        actual = results_and_gradients(layer, order=order)
        layer.held.layer_weights.reset()
        layer._n_trained.assign(0)
        with monkeypatch.context() as patch:
            patch.setattr(simulation_layer, "has_gradient_loop", lambda _: False)
            expected = results_and_gradients(layer, order=order)
    for x, y in zip(*map(tf.nest.flatten, (actual, expected)), strict=True):
        x, y = np.asarray(x), np.asarray(y)
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-10 * (1 + abs(y).max()))
    return tf.nest.flatten(actual)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("min_weights", [1, tuning.MIN_WEIGHTS_AT_ONCE])
def test_random_networks(jit_compile, min_weights, monkeypatch):
    """Whatever is computed for all steps at once, or for blocks of some."""
    monkeypatch.setattr(tuning, "MIN_WEIGHTS_AT_ONCE", min_weights)
    monkeypatch.setattr(tuning, "STEPS_IN_BLOCK", 4)
    checked = []

    @networks.many(2 if jit_compile else 10)
    @given(
        networks.networks(python=False),
        st.sampled_from([1, 3]),
        st.integers(1, 3),
        st.sampled_from([None, "fast_sigmoid", {nengo.LIF: tf.sigmoid}]),
    )
    def check_one(net, minibatch_size, unroll, spike_gradient):
        with net:
            configure_settings(
                dtype="float64", trainable=True, spike_gradient=spike_gradient
            )
        try:
            check(
                net,
                monkeypatch,
                jit_compile,
                minibatch_size=minibatch_size,
                unroll_simulation=unroll,
            )
        except BuildError:  # no decoders
            reject()
        checked.append(net)

    check_one()
    assert checked


@pytest.fixture
def net():
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        net.node = nengo.Node([0.5, -0.5])
        net.ens = nengo.Ensemble(4, 2, neuron_type=nengo.Tanh())
        nengo.Connection(net.node, net.ens)
        nengo.Connection(net.ens, net.ens, synapse=0.01)
        nengo.Probe(net.ens)
    return net


@pytest.mark.parametrize("jit_compile", [False, True], ids=["plain", "compiled"])
def test_gradients_of_gradients(net, monkeypatch, jit_compile):
    *_, last = check(net, monkeypatch, jit_compile, order=2)
    assert np.any(last)


def test_layers(net, monkeypatch):
    """Weights that layers change go from step to step as states do."""
    with net:
        dense = keras.layers.Dense(3, activation="tanh", dtype="float64")
        normalization = keras.layers.BatchNormalization(dtype="float64")
        dropout = keras.layers.Dropout(0.3, seed=1, dtype="float64")
        x = Layer(dropout)(Layer(normalization)(Layer(dense)(net.ens)))
        node = TensorNode(lambda t, x: x * tf.exp(x) + t, shape_in=(3,), shape_out=(3,))
        nengo.Connection(x, node)
        nengo.Connection(node[:2], net.ens)
        nengo.Probe(node)
    check(net, monkeypatch, minibatch_size=2)


@pytest.mark.parametrize("setting", ["auto", True])
@pytest.mark.parametrize("jit_compile", [False, True], ids=["plain", "compiled"])
def test_checkpoints(net, monkeypatch, setting, jit_compile):
    """The states of 7 steps are kept for 2 segments of 3, and for the last one."""
    made = []

    class Loops(gradient_loop.CheckpointedLoops):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(gradient_loop, "CheckpointedLoops", Loops)
    if setting == "auto":
        monkeypatch.setattr(gradient_loop, "_MAX_KEPT", 0)
    with net:
        configure_settings(gradient_checkpoints=setting)
    check(net, monkeypatch, jit_compile, minibatch_size=3)
    assert made


@pytest.mark.parametrize("use_loop", [False, True])
def test_evaluation_with_checkpoints(use_loop):
    """No gradient is expected, and a product of the input is known before the loop."""
    losses = []
    for checkpoints in (False, True):
        with nengo.Network(seed=0) as net:
            configure_settings(
                dtype="float64", gradient_checkpoints=checkpoints, use_loop=use_loop
            )
            node, output = nengo.Node(np.zeros(5)), nengo.Node(size_in=5)
            weights = np.random.default_rng(0).normal(size=(2, 5, 5)) / 5
            nengo.Connection(node, output, transform=weights[0], synapse=None)
            nengo.Connection(output, output, transform=weights[1], synapse=0.002)
            nengo.Probe(output)
        x = np.random.default_rng(1).normal(size=(2, 5, 5))
        with Simulator(net, unroll_simulation=5, progress_bar=False) as sim:
            sim.compile(keras.optimizers.SGD(0.001), loss="mse")
            before = sim.evaluate(x, x)["loss"]
            sim.fit(x, x, verbose=0, shuffle=False)
            losses.append([before, sim.evaluate(x, x)["loss"]])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)  # Keras' means


@pytest.mark.parametrize("n_steps", [1, 2, 3, 4, 7])
def test_rounds_that_are_not_full(n_steps):
    """Compiled for a known number of steps, of which XLA counts the rounds."""

    @tf.function(jit_compile=True, autograph=False)
    def count(state):
        return run_loop(
            lambda number, _, states: ([10 * number], [states[0] + 1]),
            n_steps,
            tf.constant(1),
            [],
            [state],
            [Output(n_steps, (), "int32", None)],
            unroll=3,
        )

    (values,), (state,) = count(tf.constant(5))
    np.testing.assert_array_equal(values, 10 * np.arange(1, n_steps + 1))
    assert state == 5 + n_steps


NEURONS = [
    nengo.LIF(),
    nengo.LIFRate(),
    nengo.AdaptiveLIF(),
    nengo.AdaptiveLIFRate(),
    nengo.RectifiedLinear(),
    nengo.SpikingRectifiedLinear(),
    nengo.Sigmoid(),
    nengo.Tanh(),
    nengo.Izhikevich(),
    SoftLIFRate(sigma=0.1),
    LeakyReLU(),
    SpikingLeakyReLU(),
    nengo.RegularSpiking(nengo.LIFRate()),
    nengo.StochasticSpiking(nengo.Sigmoid()),
    nengo.PoissonSpiking(nengo.RectifiedLinear()),
    nengo.Direct(),
]


@pytest.mark.filterwarnings("ignore:No gradient passes")  # through Izhikevich
def test_unrolled_training():
    """All neuron types learn the same, however many steps are in a round."""
    trained = []
    for unroll in (1, 2):
        with nengo.Network(seed=0) as net:
            configure_settings(
                dtype="float64",
                spike_gradient={
                    nengo.LIF: "gaussian",
                    SpikingLeakyReLU: "sigmoid",
                    nengo.RegularSpiking: "rates",
                    nengo.StochasticSpiking: "rates",
                },
            )
            node = nengo.Node([0.0, 0.0])
            for neuron_type in NEURONS:
                ens = nengo.Ensemble(5, 2, neuron_type=neuron_type)
                nengo.Connection(node, ens, synapse=None)
                nengo.Probe(ens)
        data = np.random.default_rng(0).uniform(-1, 1, size=(2, 5, 2))
        with Simulator(
            net, minibatch_size=2, unroll_simulation=unroll, progress_bar=False
        ) as sim:
            sim.compile(keras.optimizers.SGD(1e-3), loss="mse")
            sim.fit(data, [data] * len(net.probes), verbose=0)
            weights = sim.keras_model.trainable_weights
            trained.append([x.numpy() for x in weights])
    for plain, unrolled in zip(*trained, strict=True):
        atol = 1e-10 * np.abs(plain).max()
        np.testing.assert_allclose(unrolled, plain, rtol=1e-10, atol=atol)


def test_what_has_been_replaced_is_not_needed():
    @tf.custom_gradient
    def replaced(x):
        return tf.identity(known), lambda upstream: upstream

    with tf.Graph().as_default():
        x, known = (tf.compat.v1.placeholder(tf.float32, ()) for _ in range(2))
        needed = Needed()
        needed.add([2 * replaced(x)])
        assert needed.among([x, known]) == [1]


def test_random_functions(net):
    """What is drawn at random is not drawn again for the gradient."""
    with net:
        noise = TensorNode(
            lambda t, x: x * tf.random.normal(x.shape, dtype=x.dtype),
            shape_in=(2,),
            shape_out=(2,),
        )
        nengo.Connection(net.node, noise, synapse=None)
        probe = nengo.Probe(noise)
    with Simulator(net, progress_bar=False) as sim:
        layer = sim.tensor_graph
        inputs = {layer.program.input_names[net.node]: tf.ones((1, 5, 2), tf.float64)}
        inputs["n_steps"] = tf.constant([[5]])
        (x, _) = inputs.values()

        @tf.function(autograph=False)
        def compute():
            with tf.GradientTape() as tape:
                tape.watch(x)
                output = layer.call(inputs, training=True)[
                    layer.program.probe_names[probe]
                ]
            return output, tape.gradient(output, x)

        output, gradient = compute()
        np.testing.assert_allclose(gradient, output)
