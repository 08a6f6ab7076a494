"""Gradients agree with finite differences, in float64."""

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, reject
from nengo.exceptions import BuildError, SimulationError, ValidationError

import network_strategies as networks
from nengo_dl_core import (
    Layer,
    LeakyReLU,
    Simulator,
    SoftLIFRate,
    SpikingLeakyReLU,
    TensorNode,
    configure_settings,
)
from nengo_dl_core.training import gradient_check

N_STEPS = 5


def check(net, **options):
    rng = np.random.default_rng(0)
    batch = options.get("minibatch_size") or 1
    with Simulator(net, progress_bar=False, **options) as sim:
        inputs = {
            node: rng.normal(size=(batch, N_STEPS, node.size_out)) / 2
            for node in sim.program.input_names
        }
        sim.check_gradients(inputs)


def relay(size):
    return nengo.Node(size_in=size)


@pytest.fixture
def net():
    with nengo.Network(seed=0) as net:
        net.node = nengo.Node([0.0, 0.0])
    return net


NEURONS = [
    nengo.LIF(amplitude=0.3),
    nengo.LIFRate(),
    nengo.AdaptiveLIF(),
    nengo.AdaptiveLIFRate(),
    nengo.RectifiedLinear(),
    nengo.SpikingRectifiedLinear(),
    nengo.Sigmoid(),
    nengo.Tanh(),
    SoftLIFRate(sigma=0.1),
    LeakyReLU(),
    SpikingLeakyReLU(),
    nengo.RegularSpiking(nengo.LIFRate()),
    nengo.StochasticSpiking(nengo.Sigmoid()),
    nengo.PoissonSpiking(nengo.RectifiedLinear()),
    nengo.Direct(),
]


@pytest.mark.parametrize("neuron_type", NEURONS, ids=str)
def test_neurons(net, neuron_type):
    with net:
        ens = nengo.Ensemble(4, 2, neuron_type=neuron_type)
        output = relay(1)
        nengo.Connection(net.node, ens)
        nengo.Connection(ens, output, transform=[[1e-2, 2e-2]])
        nengo.Probe(output)
    check(net)


def test_lif_smoothing(net):
    with net:
        configure_settings(lif_smoothing=0.1)
        ens = nengo.Ensemble(4, 2)
        nengo.Connection(net.node, ens)
        nengo.Probe(ens)
    check(net)


SYNAPSES = [
    None,
    nengo.Lowpass(0.005),
    nengo.Lowpass(0),
    nengo.Alpha(0.005),
    nengo.Triangle(0.003),
    nengo.LinearFilter([0.002, 1], [0.01, 1]),
    nengo.LinearFilter([0.5, 0.1], [1, -0.3], analog=False),
    nengo.LinearFilter([1], [1e-5, 2e-3, 1], method="euler"),
]


@pytest.mark.parametrize("synapse", SYNAPSES, ids=str)
def test_synapses(net, synapse):
    with net:
        output = relay(2)
        nengo.Connection(net.node, output, synapse=synapse, transform=[0.5, -1])
        nengo.Probe(output, synapse=synapse)
    check(net)


TRANSFORMS = {
    "scalar": (0.5, 2),
    "vector": ([0.5, -1.0], 2),
    "matrix": ([[0.5, 1.0], [0.3, -1.0], [2.0, 0.1]], 3),
    "sparse": (nengo.Sparse((3, 2), [[0, 1], [2, 0]], [0.5, 1.5]), 3),
    "convolution": (
        nengo.Convolution(2, (2, 1), (1,), strides=(1,), padding="same"),
        4,
    ),
    "transposed": (
        nengo.ConvolutionTranspose(1, (2, 1), kernel_size=(2,), strides=(2,)),
        4,
    ),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms(net, name):
    transform, size = TRANSFORMS[name]
    with net:
        output = relay(size)
        nengo.Connection(net.node, output, transform=transform)
        nengo.Probe(output)
    check(net)


def test_two_dimensional_convolution():
    with nengo.Network(seed=0) as net:
        node, output = nengo.Node(np.zeros(18)), relay(16)
        nengo.Connection(
            node, output, transform=nengo.Convolution(4, (3, 3, 2), (2, 2), groups=2)
        )
        nengo.Probe(output)
    check(net)


@pytest.mark.parametrize(
    ("rule", "supervised"),
    [(nengo.PES(1e-2), 1), (nengo.RLS(1e-2), 1), (nengo.Voja(), 0)],
    ids=["PES", "RLS", "Voja"],
)
def test_through_learning_rules(net, rule, supervised):
    """What a rule owns is not trained, but what it learns from is."""
    with net:
        pre = nengo.Ensemble(4, 2, neuron_type=nengo.Tanh())
        post = nengo.Ensemble(4, 2, neuron_type=nengo.Tanh())
        nengo.Connection(net.node, pre, synapse=None)
        conn = nengo.Connection(pre, post, learning_rule_type=rule)
        if supervised:
            nengo.Connection(net.node, conn.learning_rule, transform=0.5)
        nengo.Probe(post)
    check(net, minibatch_size=2)


@pytest.mark.parametrize("rule", [nengo.BCM(1e-9), nengo.Oja(1e-6)], ids=str)
def test_through_unsupervised_rules(net, rule):
    with net:
        pre = nengo.Ensemble(4, 2, neuron_type=nengo.Sigmoid())
        post = nengo.Ensemble(4, 2, neuron_type=nengo.Sigmoid())
        nengo.Connection(net.node, pre, synapse=None)
        nengo.Connection(
            pre.neurons,
            post.neurons,
            transform=np.eye(4) / 100,
            learning_rule_type=rule,
        )
        nengo.Probe(post.neurons)
    check(net)


def test_tensor_nodes(net):
    with net:
        a = Layer(keras.layers.Dense(3, activation="tanh"))(net.node)
        b = TensorNode(lambda t, x: x * tf.exp(x) + t, shape_in=(3,), shape_out=(3,))
        nengo.Connection(a, b)
        nengo.Probe(b)
    check(net, minibatch_size=2)


@pytest.mark.parametrize("unroll", [1, 2])
def test_recurrence(net, unroll):
    with net:
        ens = nengo.Ensemble(4, 2, neuron_type=nengo.Tanh())
        nengo.Connection(net.node, ens)
        nengo.Connection(ens, ens, synapse=0.01)
        nengo.Probe(ens, synapse=0.01)
    check(net, minibatch_size=2, unroll_simulation=unroll)


def test_random_networks():
    checked = []

    @networks.many(8)
    @given(networks.networks(python=False))
    def check_one(net):
        types = {type(ens.neuron_type) for ens in net.all_ensembles}
        if nengo.Izhikevich in types:  # they have no rates, and nothing is trained
            reject()
        with net:
            configure_settings(trainable=True)
        try:
            check(net)
        except BuildError:  # no decoders
            reject()
        checked.append(net)

    check_one()
    assert len(checked) >= 0.6 * networks.tried(8)


def test_of_many_parameters_some_are_checked(net, monkeypatch):
    checked = []
    monkeypatch.setattr(gradient_check, "_MAX_ELEMENTS", 3)
    monkeypatch.setattr(
        gradient_check, "_check_column", lambda column, *_: checked.append(column)
    )
    with net:
        output = relay(4)
        nengo.Connection(net.node, output, transform=np.ones((4, 2)), synapse=None)
        nengo.Probe(output)
    check(net)
    assert len(checked) == 2 * 3  # of ten inputs and eight weights


class TestErrors:
    def test_wrong_gradient_is_found(self, net):
        @tf.custom_gradient
        def wrong(x):
            return x**2, lambda upstream: 1.9 * x * upstream

        with net:
            node = TensorNode(lambda t, x: wrong(x), shape_in=(2,), shape_out=(2,))
            nengo.Connection(net.node, node, synapse=None)
            right, false = nengo.Probe(net.node), nengo.Probe(node)
        with Simulator(net, progress_bar=False) as sim:
            x = np.ones((1, 2, 2))
            sim.check_gradients(x, outputs=[right])
            with pytest.raises(SimulationError, match=r"by .* 'node' is 1\.9"):
                sim.check_gradients(x, outputs=[false])
            sim.check_gradients(x, outputs=[false], rtol=0.1)

    def test_gradient_that_is_not_finite(self, net):
        with net:
            node = TensorNode(lambda t, x: tf.sqrt(x), shape_in=(2,), shape_out=(2,))
            nengo.Connection(net.node, node, synapse=None)
            nengo.Probe(node)
        with Simulator(net, progress_bar=False) as sim:
            with pytest.raises(SimulationError, match="not finite"):
                sim.check_gradients()

    def test_inputs_that_do_not_fit(self, net):
        with net:
            nengo.Probe(net.node)
        with Simulator(net, progress_bar=False) as sim:
            with pytest.raises(ValidationError, match="have shape"):
                sim.check_gradients([np.ones((2, 5, 2))])
