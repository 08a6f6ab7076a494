"""Processes within the simulation loop, which run in Python."""

import nengo
import numpy as np
import pytest
from nengo.base import Process
from nengo.exceptions import ValidationError

from nengo_dl_core import Simulator, configure_settings
from reference import (
    assert_matches_reference,
    assert_same,
    reference_data,
    simulated_data,
)


class Walk(Process):
    """A random walk whose steps the input scales; counts its steps."""

    def make_state(self, shape_in, shape_out, dt, dtype=None):
        return {"place": np.zeros(shape_out), "count": np.zeros(1, dtype=np.int64)}

    def make_step(self, shape_in, shape_out, dt, rng, state):
        def step(t, x=0.1):
            state["count"] += 1
            state["place"] += rng.normal(size=shape_out) * x + t
            return state["place"] + state["count"]

        return step


class Constant(Process):
    """Returns one number for all elements."""

    def make_state(self, shape_in, shape_out, dt, dtype=None):
        return {}

    def make_step(self, shape_in, shape_out, dt, rng, state):
        return lambda t, x: t


@pytest.fixture
def net():
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        net.stimulus = nengo.Node(lambda t: [np.sin(5 * t), 0.5])
        for process in (Walk(), Walk(seed=3), Constant()):
            node = nengo.Node(process, size_in=2, size_out=2)
            nengo.Connection(net.stimulus, node, synapse=None)
            nengo.Connection(node, node[[1, 0]], synapse=0.01, transform=0.1)
            nengo.Probe(node)
        ens = nengo.Ensemble(20, 1, noise=nengo.processes.WhiteNoise(seed=1))
        other = nengo.Ensemble(20, 1, noise=nengo.processes.FilteredNoise())
        nengo.Probe(ens.neurons)
        nengo.Probe(other, synapse=0.01)
        nengo.Probe(nengo.Node(Walk(), size_out=1))
    return net


def test_equals_reference(net):
    expected = assert_matches_reference(net, 60, seed=2)
    pieces = simulated_data(net, [20, 40], seed=2, unroll_simulation=3)
    assert_same(pieces, expected)


def test_items_of_a_minibatch_have_their_own_noise(net):
    values = simulated_data(net, [30], seed=2, minibatch_size=2)
    for item in range(2):
        expected = reference_data(net, [30], seed=2 + item)
        assert_same({probe: x[item] for probe, x in values.items()}, expected)


def test_reset_begins_the_noise_anew(net):
    probe = net.all_probes[0]
    with Simulator(net, seed=2, progress_bar=False) as sim:
        sim.run_steps(10)
        first = np.array(sim.data[probe])
        sim.reset()
        sim.run_steps(10)
        np.testing.assert_array_equal(sim.data[probe], first)
        sim.reset(include_processes=False)
        sim.run_steps(10)
        assert np.abs(sim.data[probe] - first).max() > 1e-3


def test_run_without_state_leaves_the_noise_as_it_was(net):
    probe = net.all_probes[0]
    with Simulator(net, seed=2, progress_bar=False) as sim:
        for _ in range(2):
            sim.run_steps(10, stateful=False)
        first, second = np.split(sim.data[probe], 2)
        np.testing.assert_array_equal(second, first)
        sim.run_steps(5)
        sim.run_steps(5, stateful=False)
        sim.run_steps(5)
        np.testing.assert_array_equal(sim.data[probe][-5:], first[5:])


def test_wrong_size_of_a_result():
    class Wrong(Constant):
        def make_step(self, shape_in, shape_out, dt, rng, state):
            return lambda t, x: np.zeros(3)

    with nengo.Network() as net:
        nengo.Node(Wrong(), size_in=2, size_out=2)
    with Simulator(net, progress_bar=False) as sim:
        with pytest.raises(ValueError, match="could not broadcast"):
            sim.run_steps(1)


def test_a_process_that_cannot_be_made_is_an_error_of_the_build():
    with nengo.Network() as net:
        nengo.Probe(nengo.Node(nengo.processes.WhiteSignal(1.0, high=501)))
    with pytest.raises(ValidationError, match="Nyquist"):
        Simulator(net, progress_bar=False)
