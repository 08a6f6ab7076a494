"""Circles of linear operators give by their powers what they give step by step."""

from contextlib import contextmanager

import nengo
import numpy as np
import pytest
import tensorflow as tf
from nengo.transforms import Sparse

from at_once import assert_equals_a_loop, assert_trains_as_it_runs, results
from nengo_dl_core import Simulator, configure_settings, tuning
from nengo_dl_core.builders.linear_circle import LinearCircle
from nengo_dl_core.builders.recurrence import Recurrence
from nengo_dl_core.engine import differentiable
from nengo_dl_core.program.linear_circles import LinearCircles


@pytest.mark.parametrize("n_steps", [1, 2, 31, 33, 131])
@pytest.mark.parametrize(
    ("n_states", "n_in", "n_out"), [(1, 1, 1), (5, 2, 3), (7, 0, 2)]
)
def test_recurrence(n_states, n_in, n_out, n_steps):
    """Blocks, what is left of them, and pairs of blocks."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(n_states, n_states)) / np.sqrt(n_states)
    B, C = rng.normal(size=(n_in, n_states)), rng.normal(size=(n_states, n_out))
    D = rng.normal(size=(n_in, n_out))
    u, first = rng.normal(size=(n_steps, 3, n_in)), rng.normal(size=(3, n_states))
    x, expected = first, []
    for u_t in u:
        expected.append(x @ C + u_t @ D)
        x = x @ A + u_t @ B
    outputs, state = Recurrence(*map(tf.constant, (A, B, C, D))).respond(
        tf.constant(u), tf.constant(first)
    )
    scale = np.abs(expected).max()
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-12 * scale)
    np.testing.assert_allclose(state, x, rtol=0, atol=1e-12 * scale)


def legendre(order=6, synapse=0, **options):
    """A memory that nothing but its input feeds, and what reads it."""
    rng = np.random.default_rng(1)
    memory = nengo.Node(size_in=order)
    back = np.linalg.qr(rng.normal(size=(order, order)))[0] * 0.95
    nengo.Connection(memory, memory, transform=back, synapse=synapse, **options)
    return memory


def by_nodes(node):
    """Memories with several synapses, read by others and by Probes."""
    for synapse in (0, 0.01, nengo.Alpha(0.01)):
        memory = legendre(synapse=synapse)
        nengo.Connection(node[0], memory, transform=np.ones((6, 1)), synapse=None)
        out = nengo.Node(size_in=2)
        nengo.Connection(memory[1:4], out, transform=np.ones((2, 3)), synapse=None)
        nengo.Probe(out)
    nengo.Probe(memory, synapse=0.01)


def by_ensembles(node):
    """An integrator and an oscillator in Direct mode, which add constants."""
    with nengo.Network() as net:
        net.config[nengo.Ensemble].neuron_type = nengo.Direct()
        integrator, pair = nengo.Ensemble(1, 2), nengo.Ensemble(1, 2)
    nengo.Connection(node, integrator, transform=0.1, synapse=0.1)
    nengo.Connection(integrator, integrator, synapse=0.1)
    nengo.Connection(integrator[0], pair[1], synapse=None)
    nengo.Connection(pair, pair, transform=[[0.9, 0.2], [-0.2, 0.9]], synapse=0.005)
    nengo.Probe(integrator)
    nengo.Probe(pair)


def by_several(node):
    """A circle of several Nodes, with sparse and scalar weights, and two inputs."""
    a, b = nengo.Node(size_in=4), nengo.Node(size_in=3)
    sparse = Sparse((3, 4), indices=[[0, 1], [1, 3], [2, 0]], init=[0.5, -0.3, 0.8])
    nengo.Connection(a, b, transform=sparse, synapse=0.005)
    nengo.Connection(b, a[:3], transform=0.7, synapse=0)
    nengo.Connection(b[[2, 0]], a[2:], synapse=0.02)
    nengo.Connection(node[1], a[1], transform=2, synapse=0.01)
    nengo.Connection(node, b[1:], transform=[[1, 2], [3, 4]], synapse=None)
    nengo.Probe(a[2])
    nengo.Probe(b, synapse=0.01)


def of_neurons(node):
    """A memory between layers of rate neurons, the first of which are many."""
    first = nengo.Ensemble(20, 1, neuron_type=nengo.Tanh(), seed=0)
    second = nengo.Ensemble(10, 1, neuron_type=nengo.Tanh(), seed=1)
    memory = legendre()
    rng = np.random.default_rng(2)
    nengo.Connection(node, first.neurons, transform=np.ones((20, 2)), synapse=None)
    for pre, post in ((first.neurons, memory), (memory, second.neurons)):
        weights = rng.normal(size=(post.size_in, pre.size_out)) / 100
        nengo.Connection(pre, post, transform=weights, synapse=None)
    nengo.Probe(second.neurons)


def network(make):
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64", trainable=True)
        net.node = nengo.Node([0.0, 0.0])
        make(net.node)
    return net


@pytest.fixture
def circles(monkeypatch):
    """Collects the circles of each division of a simulation."""
    found = []

    def divide(*arguments):
        stages = list(differentiable_divide(*arguments))
        ops = [op for stage in stages for group in stage.groups for op in group]
        found.append([op for op in ops if isinstance(op, LinearCircle)])
        return stages

    differentiable_divide = differentiable.divide
    monkeypatch.setattr(differentiable, "divide", divide)
    return found


@pytest.mark.parametrize(
    ("make", "n_circles", "minibatch_size"),
    [
        (by_nodes, 3, 1),
        (by_nodes, 3, 3),
        (by_ensembles, 2, 3),
        (by_several, 1, 3),
        (of_neurons, 1, 1),
    ],
)
def test_equals_a_loop(make, n_circles, minibatch_size, circles, monkeypatch):
    """A run, and one that goes on from there; all gradients, those of weights too."""
    monkeypatch.setattr(tuning, "STEPS_IN_BLOCK", 4)
    x = np.random.default_rng(0).normal(size=(minibatch_size, 26, 2))

    @contextmanager
    def loop():
        with monkeypatch.context() as patch:
            patch.setattr(LinearCircles, "of", lambda *_: [])
            yield

    def check(by_step):
        assert len(circles[-1]) == (0 if by_step else n_circles)

    assert_equals_a_loop(network(make), x, [0, 21, 26], loop, check)


def test_fit_and_evaluate(circles):
    """What they compute, compiled, and what they leave is what the simulator runs."""

    def check(division):
        assert len(division) == 1

    assert_trains_as_it_runs(network(by_several), circles, check)


def test_inputs_are_prepared_in_the_circle(circles):
    """One number is read, not as many as the memory has, and as many are carried."""
    net = network(by_nodes)
    with Simulator(net, progress_bar=False) as sim:
        sim.tensor_graph.jit_compile = False
        results(sim, net.node, np.ones((1, 5, 2)))
    for op in circles[-1]:
        assert [sig.size for sig in op.inputs] == [1]
        assert not op.has_constants


def learned(node):
    """A connection back that a learning rule changes."""
    pre = nengo.Ensemble(10, 1, neuron_type=nengo.Tanh(), seed=0)
    memory = nengo.Node(size_in=1)
    nengo.Connection(memory, pre)
    nengo.Connection(node[0], memory)
    back = nengo.Connection(pre, memory, learning_rule_type=nengo.PES())
    nengo.Connection(node[1], back.learning_rule)
    nengo.Probe(memory)


def with_neurons(node):
    """Neurons in the circle."""
    ensemble = nengo.Ensemble(10, 2, neuron_type=nengo.Tanh(), seed=0)
    nengo.Connection(node, ensemble)
    nengo.Connection(ensemble, ensemble)
    nengo.Probe(ensemble)


def with_noise(node):
    """A synapse that is not linear in the sense of a matrix."""
    memory = legendre(order=2, synapse=nengo.synapses.Triangle(0.005))
    nengo.Connection(node, memory)
    nengo.Probe(memory)


@pytest.mark.parametrize("make", [learned, with_neurons, with_noise])
def test_others_go_step_by_step(make, circles):
    net = network(make)
    with Simulator(net, progress_bar=False) as sim:
        sim.tensor_graph.jit_compile = False
        results(sim, net.node, np.ones((1, 5, 2)))
    assert circles
    assert not circles[-1]


def test_wide_circles_go_step_by_step(circles):
    """A scalar for each element is less than a matrix."""

    def wide(node):
        memory = nengo.Node(size_in=500)
        nengo.Connection(memory, memory, transform=0.9, synapse=0.1)
        nengo.Connection(node[0], memory, transform=np.ones((500, 1)))
        nengo.Probe(memory)

    net = network(wide)
    with Simulator(net, minibatch_size=100, progress_bar=False) as sim:
        sim.tensor_graph.jit_compile = False
        results(sim, net.node, np.ones((100, 2, 2)))
    assert circles
    assert not circles[-1]
