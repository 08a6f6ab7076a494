"""What only probes depend on, computed after every few steps."""

import nengo
import numpy as np
import pytest

from nengo_dl_core import Simulator, configure_settings, tuning
from nengo_dl_optimizer import DotSet, noop_planner
from reference import assert_same, recorded

N_STEPS = 100  # not a multiple of what is computed at once


@pytest.fixture(autouse=True)
def _small_matrices(monkeypatch):
    monkeypatch.setattr(tuning, "MIN_DEFERRED_SIZE", 1)
    monkeypatch.setattr(tuning, "MIN_DEFERRED_ROWS", 0)


def network():
    """Has probes of all kinds; it comes with a list of those that can be deferred."""
    with nengo.Network(seed=1) as net:
        configure_settings(dtype="float64")
        stimulus = nengo.Node(lambda t: [np.sin(20 * t), np.cos(20 * t)])
        a = nengo.Ensemble(30, 2)
        b = nengo.Ensemble(20, 2)
        nengo.Connection(stimulus, a)
        nengo.Connection(a, b, synapse=0.01)
        nengo.Connection(a, a, synapse=0.1)
        both = nengo.Node(size_in=2)
        nengo.Connection(a, both, synapse=0.02)
        nengo.Connection(b, both, function=np.square, synapse=None)
        nengo.Probe(a.neurons)
        nengo.Probe(stimulus)
        nengo.Probe(b.neurons, "voltage", sample_every=0.003)
        deferred = [
            nengo.Probe(a),
            nengo.Probe(a, synapse=0.01),
            nengo.Probe(b[1], synapse=nengo.Alpha(0.02), sample_every=0.004),
            nengo.Probe(both),
            nengo.Probe(both, synapse=0.03),
        ]
    return net, deferred


def written(sim):
    """The probes whose values are computed apart from the loop."""
    graph = sim.program
    found = graph.deferral.written
    return [
        probe
        for probe in sim.model.probes
        if graph.optimized.graph.current(sim.model.sig[probe]["in"]).base in found
    ]


@pytest.mark.parametrize("unroll", [1, 3])
def test_equals_reference(unroll):
    net, deferred = network()
    expected = recorded(nengo.Simulator(net, progress_bar=False), N_STEPS)
    with Simulator(net, progress_bar=False, unroll_simulation=unroll) as sim:
        assert written(sim) == deferred
        for pieces in ([N_STEPS], [16, 1, 83], [33, 67]):
            sim.reset()
            for n_steps in pieces:
                sim.run_steps(n_steps)
            assert_same({probe: sim.data[probe] for probe in expected}, expected)


def test_minibatch_equals_single_runs():
    net, deferred = network()
    stimulus = next(node for node in net.nodes if node.size_in == 0)
    values = np.random.RandomState(0).uniform(-1, 1, (3, N_STEPS, 2))
    with (
        Simulator(net, progress_bar=False, minibatch_size=3) as sim,
        Simulator(net, progress_bar=False) as alone,
    ):
        assert written(sim) == deferred
        sim.run_steps(N_STEPS, data={stimulus: values})
        for item in range(3):
            alone.reset()
            alone.run_steps(N_STEPS, data={stimulus: values[item : item + 1]})
            for probe in net.all_probes:
                np.testing.assert_allclose(
                    sim.data[probe][item], alone.data[probe], rtol=0, atol=1e-12
                )


def test_the_uncompiled_loop_gives_the_same():
    results, states = [], []
    for jit_compile in (True, False):
        net, deferred = network()
        with net:
            configure_settings(jit_compile=jit_compile)
        with Simulator(net, progress_bar=False) as sim:
            assert written(sim) == deferred
            sim.run_steps(21)
            sim.run_steps(5, stateful=False)
            sim.step()
            results.append([sim.data[probe] for probe in net.all_probes])
            states.append([sim.signals[sig] for sig in sim.signals])
    for compiled, expected in zip(*results, strict=True):
        np.testing.assert_allclose(compiled, expected, rtol=0, atol=1e-12)
    for compiled, expected in zip(*states, strict=True):
        np.testing.assert_allclose(compiled, expected, rtol=0, atol=1e-12)


def test_a_round_of_more_steps_than_are_computed_at_once():
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        probe = nengo.Probe(nengo.Ensemble(10, 2), synapse=0.01)
    expected = recorded(nengo.Simulator(net, progress_bar=False), N_STEPS)
    sim = Simulator(net, progress_bar=False, unroll_simulation=tuning.STEPS_AT_ONCE + 1)
    assert written(sim) == [probe]
    assert_same(recorded(sim, N_STEPS), expected)


def test_several_filtered_products_that_are_added():
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        a, b = nengo.Ensemble(10, 2), nengo.Ensemble(20, 2)
        both = nengo.Node(size_in=2)
        nengo.Connection(a, both, synapse=0.01)
        nengo.Connection(b, both, synapse=0.02)
        probe = nengo.Probe(both)
    expected = recorded(nengo.Simulator(net, progress_bar=False), N_STEPS)
    sim = Simulator(net, progress_bar=False)
    assert written(sim) == [probe]
    assert_same(recorded(sim, N_STEPS), expected)


def test_an_input_that_nothing_drives():
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        idle, first, second = (nengo.Node(size_in=2) for _ in range(3))
        transform = np.arange(4).reshape((2, 2))
        nengo.Connection(idle, first, transform=transform, synapse=None)
        nengo.Connection(first, second, transform=transform, synapse=None)
        probe = nengo.Probe(second)
    with Simulator(net, progress_bar=False) as sim:
        sim.run_steps(3)
        np.testing.assert_array_equal(sim.data[probe], np.zeros((3, 2)))


def test_a_planner_that_does_not_ask_what_may_be_merged():
    def planner(operators):
        """Merge the products of one vector, which need not wait for each other."""
        merged = {}
        for (op,) in noop_planner(operators):
            same = (type(op), op.X) if isinstance(op, DotSet) else op
            merged.setdefault(same, []).append(op)
        return [tuple(group) for group in merged.values()]

    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64", planner=planner)
        ensemble = nengo.Ensemble(20, 2)
        nengo.Connection(ensemble, ensemble, synapse=0.1)
        nengo.Probe(ensemble)
    expected = recorded(nengo.Simulator(net, progress_bar=False), N_STEPS)
    sim = Simulator(net, progress_bar=False)
    assert max(map(len, sim.program.optimized.plan)) == 2
    assert written(sim) == []
    assert_same(recorded(sim, N_STEPS), expected)


def test_what_the_loop_needs_stays_in_it():
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        a, b = nengo.Ensemble(10, 2), nengo.Ensemble(10, 2)
        nengo.Connection(a, b)
        learned = nengo.Connection(a, nengo.Node(size_in=2), function=lambda x: [0, 0])
        learned.learning_rule_type = nengo.PES()
        nengo.Connection(b, learned.learning_rule)
        called = nengo.Node(lambda t, x: None, size_in=2)
        nengo.Connection(b, called, synapse=None)
        nengo.Probe(learned.post)
        nengo.Probe(b, synapse=nengo.synapses.Triangle(0.01))
        nengo.Probe(a.neurons)
    with Simulator(net, progress_bar=False) as sim:
        assert written(sim) == []


def test_only_large_matrices_are_worth_it(monkeypatch):
    net, _ = network()
    monkeypatch.undo()
    with Simulator(net, progress_bar=False) as sim:
        assert written(sim) == []
    with nengo.Network(seed=0) as net:
        large = nengo.Ensemble(8192, 32)
        probe = nengo.Probe(large, solver=nengo.solvers.NoSolver(np.eye(8192, 32)))
    with Simulator(net, progress_bar=False) as sim:
        assert written(sim) == [probe]
    with Simulator(net, progress_bar=False, minibatch_size=2) as sim:
        assert written(sim) == []
