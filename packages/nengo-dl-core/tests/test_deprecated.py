"""The names of earlier releases work, and say what to write instead."""

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf
from nengo.exceptions import ValidationError

import nengo_dl


@pytest.fixture
def net():
    with nengo.Network(seed=0) as net:
        nengo_dl.configure_settings(jit_compile=False)
        net.node = nengo.Node([0.0])
        ens = nengo.Ensemble(20, 1, neuron_type=nengo.LIFRate())
        nengo.Connection(net.node, ens, synapse=None)
        output = nengo.Node(size_in=1)
        nengo.Connection(ens, output, synapse=None)
        net.probe = nengo.Probe(output)
    return net


def simulator(net):
    return nengo_dl.Simulator(net, minibatch_size=4, progress_bar=False)


def test_train_and_loss(net):
    """As in the tutorial of release 2, with an optimizer of Keras."""
    x = np.random.default_rng(0).uniform(-1, 1, size=(16, 1, 1))
    data = {net.node: x, net.probe: x**2}
    with pytest.warns(DeprecationWarning, match=r"nengo_dl.losses.nan_mse"):
        objective = {net.probe: nengo_dl.obj.mse}

    def last_steps(outputs, targets):
        return tf.reduce_mean(tf.square(outputs[:, -1:] - targets[:, -1:]))

    with simulator(net) as sim:
        with pytest.warns(DeprecationWarning, match=r"Simulator.evaluate") as warned:
            before = sim.loss(data, objective={net.probe: last_steps})
        assert warned[0].filename == __file__
        prediction = sim.predict(x)[net.probe]
        assert before == pytest.approx(np.mean((prediction - x**2) ** 2), rel=1e-5)
        adam = keras.optimizers.Adam(3e-5)
        with pytest.warns(DeprecationWarning, match=r"Simulator.fit\(") as warned:
            sim.train(data, adam, objective=objective, n_epochs=20)
        assert warned[0].filename == __file__
        with pytest.warns(DeprecationWarning, match="Simulator.loss"):
            after = sim.loss(data)
    assert after < 0.5 * before


def test_data_for_train(net):
    with simulator(net) as sim:
        with (
            pytest.warns(DeprecationWarning, match="Simulator.train"),
            pytest.raises(ValidationError, match="a dictionary of Nodes and Probes"),
        ):
            sim.train(np.ones((4, 1, 1)), "sgd")


def test_soft_reset(net):
    with simulator(net) as sim:
        sim.run_steps(5)
        with pytest.warns(DeprecationWarning, match=r"Simulator.reset\(include_train"):
            sim.soft_reset()
        assert sim.n_steps == 0
        assert sim.data[net.probe].shape == (4, 5, 1)
        with pytest.warns(DeprecationWarning, match="include_probes=True"):
            sim.soft_reset(include_probes=True)
        assert sim.data[net.probe].shape == (4, 0, 1)


def test_there_are_no_other_objectives():
    with pytest.raises(AttributeError, match=r"'nengo_dl.obj' has no .* 'other'"):
        nengo_dl.obj.other  # noqa: B018


def test_trange_with_the_old_name(net):
    with simulator(net) as sim:
        sim.run_steps(4)
        with pytest.warns(DeprecationWarning, match="sample_every"):
            np.testing.assert_allclose(sim.trange(dt=0.002), [0.002, 0.004])
        with pytest.raises(ValidationError, match="not both"):
            sim.trange(sample_every=0.1, dt=0.1)
