"""Filters of which all inputs are known give what they give step by step."""

from contextlib import contextmanager

import nengo
import numpy as np
import pytest
import tensorflow as tf

from at_once import assert_equals_a_loop, assert_trains_as_it_runs, results
from nengo_dl_core import Simulator, configure_settings, tuning
from nengo_dl_core.builders.delay import DelayBuilder
from nengo_dl_core.builders.linear_filter import LinearFilterBuilder
from nengo_dl_core.builders.linear_system import LinearSystem
from nengo_dl_core.builders.lowpass import LowpassBuilder
from nengo_dl_core.builders.triangle import TriangleBuilder
from nengo_dl_core.engine import differentiable
from test_synapses import SYNAPSES


@pytest.mark.parametrize("n_steps", [1, 2, 31, 33, 131])
@pytest.mark.parametrize(("order", "n_in", "n_out"), [(1, 1, 1), (5, 2, 3), (40, 1, 2)])
def test_linear_system(order, n_in, n_out, n_steps):
    """Blocks of blocks, and what is left of them."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(order, order)) / np.sqrt(order)
    B, C = rng.normal(size=(order, n_in)), rng.normal(size=(n_out, order))
    D = rng.normal(size=(n_out, n_in))
    u, first = rng.normal(size=(n_steps, n_in, 3)), rng.normal(size=(order, 3))
    x, expected = first, []
    for u_t in u:
        expected.append(C @ x + D @ u_t)
        x = A @ x + B @ u_t
    outputs, state = LinearSystem(A, B, C, D).respond(
        tf.constant(u), tf.constant(first)
    )
    scale = np.abs(expected).max()
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-12 * scale)
    np.testing.assert_allclose(state, x, rtol=0, atol=1e-12 * scale)


def network(synapses):
    """Filters of an input, of each other, as probes and as Nodes."""
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64", trainable=True)
        net.node = nengo.Node([0.0, 0.0])
        for synapse in synapses:
            mixed = nengo.Node(size_in=2)
            node = nengo.Node(synapse, size_in=2, size_out=2)
            weights = [[0.3, 0.7], [1, -1]]
            nengo.Connection(net.node, mixed, synapse=synapse, transform=weights)
            nengo.Connection(mixed, node, synapse=synapse)
            nengo.Probe(node)
            nengo.Probe(mixed[0], synapse=synapse)
    return net


@pytest.fixture
def stages(monkeypatch):
    """Collects how the steps of a simulation were divided."""
    found = []

    def divide(*arguments):
        found.append(list(differentiable_divide(*arguments)))
        return found[-1]

    differentiable_divide = differentiable.divide
    monkeypatch.setattr(differentiable, "divide", divide)
    return found


@pytest.mark.parametrize(
    ("minibatch_size", "synapses"), [(1, SYNAPSES[::2]), (3, SYNAPSES[1::2])]
)
def test_equals_a_loop(minibatch_size, synapses, stages, monkeypatch):
    """A run, and one that goes on from there; lengths that blocks do not divide."""
    monkeypatch.setattr(tuning, "STEPS_IN_BLOCK", 5)
    monkeypatch.setattr(tuning, "MAX_FILTERED_SIZE", 1000)
    x = np.random.default_rng(0).normal(size=(minibatch_size, 38, 2))

    @contextmanager
    def loop():
        with monkeypatch.context() as patch:
            for builder in (
                DelayBuilder,
                LowpassBuilder,
                LinearFilterBuilder,
                TriangleBuilder,
            ):
                patch.setattr(builder, "has_closed_form", lambda *_: False)
            yield

    def check(by_step):
        assert all(stage.at_once for stage in stages[-1]) != by_step

    assert_equals_a_loop(network(synapses), x, [0, 31, 38], loop, check)


def test_fit_and_evaluate(stages):
    """What they compute, compiled, and what they leave is what the simulator runs."""

    def check(division):
        assert all(stage.at_once for stage in division)

    net = network([nengo.Lowpass(0.1), nengo.Alpha(0.02)])
    assert_trains_as_it_runs(net, stages, check)


def test_layers_without_a_loop(stages):
    """Three layers of rate neurons with filters between."""
    with nengo.Network(seed=0) as net:
        node = nengo.Node(np.zeros(8))
        pre, synapse = node, None
        for _ in range(3):
            layer = nengo.Ensemble(64, 1, neuron_type=nengo.RectifiedLinear()).neurons
            weights = np.ones((64, pre.size_out)) / 64
            nengo.Connection(pre, layer, transform=weights, synapse=synapse)
            pre, synapse = layer, 0.02
        nengo.Probe(pre, synapse=synapse)
    with Simulator(net, progress_bar=False) as sim:
        results(sim, node, np.ones((1, 5, 8), np.float32))
    assert all(stage.at_once for stage in stages[-1])


def test_loops_are_joined(stages):
    """A filter of an input does not take neurons apart that go step by step."""
    with nengo.Network(seed=0) as net:
        configure_settings(spike_gradient="fast_sigmoid")
        node = nengo.Node([0.0])
        a, b = nengo.Ensemble(5, 1), nengo.Ensemble(5, 1)
        nengo.Connection(node, a, synapse=None)
        nengo.Connection(node, b, synapse=0.01)
        nengo.Connection(a, b, synapse=0.01)
        nengo.Probe(b)
    with Simulator(net, progress_bar=False) as sim:
        results(sim, node, np.ones((1, 5, 1), np.float32))
    assert sum(not stage.at_once for stage in stages[-1]) == 1
