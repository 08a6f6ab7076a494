"""`Layer`: networks built by applying one thing after the other."""

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf

from nengo_dl_core import Layer, Simulator, TensorNode, configure_settings
from nengo_dl_core.network.trainability import mark_signals
from reference import simulated_data


@pytest.fixture
def net():
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        net.stimulus = nengo.Node([0.5, -0.25])
    return net


def test_layers_after_each_other(net):
    dense = keras.layers.Dense(3, dtype="float64")
    with net:
        a = Layer(dense)(net.stimulus)
        b = Layer(lambda x: x + 1)(a)
        c = Layer(nengo.RectifiedLinear())(b, gain=[2.0] * 3, bias=[0.0] * 3)
        probe = nengo.Probe(c)
    assert isinstance(a, TensorNode)
    assert isinstance(c, nengo.ensemble.Neurons)
    expected = 2 * np.maximum(dense(np.array([[0.5, -0.25]])) + 1, 0)
    np.testing.assert_allclose(simulated_data(net, [3])[probe][1:], [expected[0]] * 2)


def test_arguments(net):
    with net:
        obj, conn = Layer(tf.identity)(
            net.stimulus,
            transform=np.ones((6, 2)),
            shape_in=(2, 3),
            synapse=0.1,
            return_conn=True,
            label="copied",
        )
    assert (obj.label, obj.shape_in, obj.size_out) == ("copied", (2, 3), 6)
    assert (conn.pre, conn.post) == (net.stimulus, obj)
    assert conn.synapse == nengo.Lowpass(0.1)


@pytest.mark.parametrize(
    ("transform", "size"),
    [
        (None, 2),
        (3.0, 2),
        ([1, 2], 2),
        (np.ones((4, 2)), 4),
        (nengo.Dense((5, 2), init=np.ones((5, 2))), 5),
        (nengo.Convolution(3, (2, 1), kernel_size=(1,), strides=(1,)), 6),
    ],
)
@pytest.mark.parametrize(
    "func", [tf.identity, nengo.LIF()], ids=["function", "neurons"]
)
def test_size_follows_from_what_is_put_in(net, func, transform, size):
    with net:
        obj = Layer(func)(net.stimulus, transform=transform)
        part = Layer(func)(net.stimulus[1])
    assert (obj.size_in, part.size_in) == (size, 1)


def test_time_can_be_passed(net):
    with net:
        node = Layer(lambda t, x: x + t)(net.stimulus, pass_time=True)
        probe = nengo.Probe(node)
    values = simulated_data(net, [2])[probe]
    np.testing.assert_allclose(values, [[0.501, -0.249], [0.502, -0.248]])


def test_input_is_not_trained(net):
    """The connections from ensembles have decoders, which could be trained."""
    with net:
        ens = nengo.Ensemble(10, 1)
        _, conn = Layer(tf.identity)(ens, return_conn=True)
        plain = nengo.Connection(ens, nengo.Node(size_in=1))
        _, trained = Layer(nengo.LIF())(ens, return_conn=True)
        net.config[trained].trainable = True
    with Simulator(net, progress_bar=False) as sim:
        marks = mark_signals(sim.model)
        trainable = {c: marks[sim.model.sig[c]["weights"]] for c in net.connections}
    assert [trainable[c] for c in (conn, plain, trained)] == [False, True, True]


def test_settings_stay_as_they_are(net):
    with net:
        configure_settings(trainable=False)
        Layer(tf.identity)(net.stimulus)
    assert net.config[nengo.Ensemble].trainable is False


@pytest.mark.parametrize("by_option", [True, False])
def test_losses_of_layers_are_not_lost_in_silence(net, by_option):
    class Penalized(keras.layers.Layer):
        def call(self, x):
            self.add_loss(keras.ops.mean(x**2))
            return x

    regularized = keras.layers.Dense(2, activity_regularizer="l2")
    with net:
        output = Layer(keras.layers.Dense(2))(net.stimulus)
        output = Layer(regularized if by_option else Penalized())(output)
        nengo.Probe(output)
    with Simulator(net, progress_bar=False) as sim:
        sim.compile("sgd", loss="mse")
        y = np.zeros((1, 3, 2))
        sim.run_steps(3)
        with pytest.warns(UserWarning, match="adds losses of its own"):
            sim.fit(n_steps=3, y=y, verbose=0)
