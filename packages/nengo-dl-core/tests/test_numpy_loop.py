"""Models that call Python in every step run by the operators' own NumPy steps."""

import pickle

import nengo
import numpy as np
import pytest
import tensorflow as tf

from nengo_dl_core import Simulator, TensorNode, configure_settings
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.copy import CopyBuilder

STEPS = 50


class Square(nengo.neurons.NeuronType):
    """A neuron type that has no build in TensorFlow."""

    def step(self, dt, J, output):
        output[...] = np.minimum(J**2, 100)


def double(t, x):
    return 2 * x + t


@pytest.fixture
def net():
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        stimulus = nengo.Node(np.sin)
        noise = nengo.Node(nengo.processes.WhiteNoise(), size_out=2)
        net.python = nengo.Node(double, size_in=2)
        a = nengo.Ensemble(20, 2)
        uniform = {"gain": nengo.dists.Uniform(1, 2), "bias": nengo.dists.Uniform(0, 1)}
        b = nengo.Ensemble(10, 2, neuron_type=Square(), **uniform)
        nengo.Connection(stimulus, a[0])
        nengo.Connection(noise, a)
        nengo.Connection(a, net.python, synapse=nengo.Alpha(0.01))
        nengo.Connection(net.python, b)
        nengo.Connection(
            a.neurons[:16],
            b.neurons[:4],
            transform=nengo.Convolution(
                1, (4, 4, 1), strides=(2, 2), kernel_size=(2, 2)
            ),
        )
        learned = nengo.Connection(a, b, learning_rule_type=nengo.PES())
        nengo.Connection(b, learned.learning_rule)
        delayed = nengo.synapses.LinearFilter([1], [1e-4, 0.02, 1])
        net.probe = nengo.Probe(b, synapse=0.01)
        nengo.Probe(learned, "weights", sample_every=0.01)
        nengo.Probe(net.python, synapse=delayed)
        nengo.Probe(a.neurons, "voltage")
    return net


def simulator(net, **options):
    return Simulator(net, progress_bar=False, **options)


def assert_equals_reference(net, sim):
    with nengo.Simulator(net, progress_bar=False, optimize=False) as reference:
        reference.run_steps(STEPS)
    for probe in net.all_probes:
        expected = reference.data[probe]
        np.testing.assert_allclose(
            sim.data[probe], expected, rtol=0, atol=1e-12 * np.abs(expected).max()
        )


@pytest.mark.parametrize("pieces", [[STEPS], [1, 7, STEPS - 8]])
def test_equals_reference(net, pieces):
    with simulator(net) as sim:
        assert sim._runner.in_numpy
        for n_steps in pieces:
            sim.run_steps(n_steps)
        assert_equals_reference(net, sim)


def test_state_can_be_left_reset_and_pickled(net):
    with simulator(net) as sim:
        sim.run_steps(20, stateful=False)
        sim.run_steps(30)
        sim.reset()
        sim.run_steps(20)
        with pickle.loads(pickle.dumps(sim)) as copy:
            copy.run_steps(STEPS - 20)
            assert_equals_reference(copy.model.toplevel, copy)


def test_shares_its_state_with_keras(net):
    with simulator(net) as sim:
        sim.run_steps(20)
        predicted = sim.predict(n_steps=STEPS - 20, stateful=True)
        sim.run_steps(1)
        assert sim.n_steps == STEPS + 1
    with simulator(net) as sim:
        sim.run_steps(STEPS)
        np.testing.assert_allclose(
            predicted[net.probe][0], sim.data[net.probe][20:], rtol=1e-9, atol=1e-12
        )


def test_data_takes_the_place_of_a_node(net):
    given = np.random.default_rng(0).uniform(size=(1, STEPS, 1))
    with simulator(net) as sim:
        sim.run_steps(20, data={net.nodes[0]: given[:, :20]})
        sim.run_steps(STEPS - 20, data={net.nodes[0]: given[:, 20:]})
        actual = sim.data[net.probe]
    net.nodes[0].output = lambda t: given[0, round(t / 0.001) - 1]
    with simulator(net) as sim:
        sim.run_steps(STEPS)
        np.testing.assert_array_equal(actual, sim.data[net.probe])


def test_error_in_a_function_names_the_node(net):
    net.python.output = lambda t, x: None
    with simulator(net) as sim, pytest.raises(nengo.exceptions.SimulationError) as info:
        sim.run_steps(1)
    assert str(net.python) in str(info.value)
    assert "returned None" in str(info.value)


def test_what_is_known_to_tensorflow_only_stays_there(net, monkeypatch):
    def in_numpy(**options):
        with simulator(net, **options) as sim:
            return sim._runner.in_numpy

    assert in_numpy()
    assert in_numpy(minibatch_size=2)

    class OtherCopyBuilder(CopyBuilder):
        __module__ = __name__

    monkeypatch.setitem(Builder.builders, nengo.builder.operator.Copy, OtherCopyBuilder)
    assert not in_numpy()
    monkeypatch.undo()
    with net:
        random = nengo.Ensemble(5, 1, neuron_type=nengo.PoissonSpiking(nengo.LIFRate()))
        probe = nengo.Probe(random)
    assert not in_numpy()
    net.probes.remove(probe)
    assert in_numpy()  # nothing depends on these neurons
    with net:
        tensors = TensorNode(tf.square, shape_in=(1,), pass_time=False)
        nengo.Connection(random, tensors)
        nengo.Probe(tensors)
    assert not in_numpy()
