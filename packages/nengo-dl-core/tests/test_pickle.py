"""Pickled and copied simulators and networks."""

import copy
import os
import pickle
import subprocess
import sys

import nengo
import numpy as np
import pytest
from nengo.exceptions import SimulatorClosed

from nengo_dl_core import Simulator, configure_settings

# Nengo, whenever it copies a Node without output function.
pytestmark = pytest.mark.filterwarnings("ignore:'Node.size_out' is being overwritten")


@pytest.fixture
def net():
    """Everything that a simulation keeps from one step to the next."""
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64", jit_compile=False)
        noise = nengo.Node(nengo.processes.WhiteNoise(), label="noise")
        with nengo.Network():
            net.pre = nengo.Ensemble(
                20,
                1,
                neuron_type=nengo.AdaptiveLIF(),
                noise=nengo.processes.WhiteNoise(),
            )
            post = nengo.Ensemble(
                10, 1, neuron_type=nengo.StochasticSpiking(nengo.LIFRate())
            )
        error = nengo.Node(size_in=1)
        nengo.Connection(noise, net.pre, synapse=nengo.Alpha(0.01))
        nengo.Connection(net.pre, net.pre, synapse=nengo.synapses.Triangle(0.01))
        net.learned = nengo.Connection(
            net.pre, post, function=np.square, learning_rule_type=nengo.PES()
        )
        nengo.Connection(post, error)
        nengo.Connection(error, net.learned.learning_rule)
        nengo.Probe(net.pre, synapse=0.01)
        nengo.Probe(post.neurons)
        nengo.Probe(net.learned, "weights", sample_every=0.003)
    return net


def simulator(net, **options):
    return Simulator(net, progress_bar=False, **options)


def continued(sim, n_steps=50):
    with sim:
        sim.run_steps(n_steps)
        return [np.array(sim.data[probe]) for probe in sim.model.probes]


class TestOpenSimulator:
    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
    @pytest.mark.parametrize("minibatch_size", [None, 2])
    def test_copy_continues(self, net, copied, minibatch_size):
        with simulator(net, seed=3, minibatch_size=minibatch_size) as sim:
            sim.run_steps(50)
            other = copied(sim)
            expected = continued(sim)
        for actual, values in zip(continued(other), expected, strict=True):
            np.testing.assert_array_equal(actual, values)

    def test_pickle_continues_in_another_process(self, net, tmp_path):
        path = tmp_path / "simulator"
        with simulator(net, seed=3) as sim:
            sim.run_steps(50)
            with path.open("wb") as file:
                pickle.dump(sim, file)
            expected = continued(sim)
        code = """
import pickle, sys
with open(sys.argv[1], "rb") as file:
    sim = pickle.load(file)
with sim:
    sim.run_steps(50)
data = [sim.data[probe] for probe in sim.model.probes]
with open(sys.argv[1], "wb") as file:
    pickle.dump(data, file)
"""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", code, path], check=True, env=environment)
        with path.open("rb") as file:
            for actual, values in zip(pickle.load(file), expected, strict=True):
                np.testing.assert_array_equal(actual, values)

    def test_arguments_are_kept(self, net):
        options = {"unroll_simulation": 2, "device": "/cpu:0", "optimize": False}
        with simulator(net, seed=5, dt=0.002, **options) as sim:
            with pickle.loads(pickle.dumps(sim)) as other:
                assert (other.seed, other.dt, other.n_steps) == (5, 0.002, 0)
                assert {name: getattr(other, name) for name in options} == options

    def test_changed_parameters_are_kept(self, net):
        with simulator(net) as sim:
            for _, variable in sim.tensor_graph.parameters:
                variable.assign(variable * 2)
            expected = sim.data[net.pre].bias
            with copy.copy(sim) as other:
                np.testing.assert_array_equal(other.data[net.pre].bias, expected)


class TestClosedSimulator:
    def test_data_is_kept(self, net):
        with simulator(net) as sim:
            sim.run_steps(20)
        other = pickle.loads(pickle.dumps(sim))
        assert other.closed
        assert (other.n_steps, other.seed) == (20, sim.seed)
        for copied, probe in zip(other.model.probes, sim.model.probes, strict=True):
            np.testing.assert_array_equal(other.data[copied], sim.data[probe])
        with pytest.raises(SimulatorClosed):
            other.step()


def test_networks_can_be_copied_after_simulation(net):
    with simulator(net) as sim:
        sim.run_steps(20)
    for other in (net.copy(), pickle.loads(pickle.dumps(net))):
        expected = continued(simulator(net, seed=1), 20)
        for actual, values in zip(
            continued(simulator(other, seed=1), 20), expected, strict=True
        ):
            np.testing.assert_array_equal(actual, values)
