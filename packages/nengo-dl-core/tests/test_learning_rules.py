"""Online learning: every rule of Nengo, on decoders, full weights and encoders."""

import nengo
import numpy as np
import pytest
from nengo.exceptions import BuildError

from nengo_dl_core import Simulator, configure_settings
from reference import (
    assert_matches_reference,
    assert_same,
    reference_data,
    simulated_data,
)


def spirals(t):
    return [np.sin(5 * t), np.cos(7 * t)]


@pytest.fixture
def net():
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        net.stimulus = nengo.Node(spirals)
        net.pre = nengo.Ensemble(30, 2)
        net.post = nengo.Ensemble(25, 2)
        net.error = nengo.Node(size_in=2)
        nengo.Connection(net.stimulus, net.pre)
        nengo.Connection(net.post, net.error)
        nengo.Connection(net.stimulus, net.error, transform=-1)
        nengo.Probe(net.post, synapse=0.01)
    return net


def learned(net, *args, error=None, probed="weights", **kwargs):
    """Make a connection with a learning rule, and probe what it learns."""
    with net:
        conn = nengo.Connection(*args, **kwargs)
        if error is not None:
            nengo.Connection(error, conn.learning_rule)
        probe = nengo.Probe(conn, probed, sample_every=0.01)
    return conn, probe


def assert_matches_reference_in_both_loops(net):
    """Compiled in one piece; and plain, unrolled and in pieces."""
    expected = assert_matches_reference(net, 300)
    with net:
        configure_settings(jit_compile=False)
    assert_same(simulated_data(net, [100, 200], unroll_simulation=3), expected)


def test_rules_on_decoders(net):
    pre, post, error = net.pre, net.post, net.error
    pes, rls = nengo.PES(1e-3), nengo.RLS(1e-3)
    learned(net, pre, post, learning_rule_type=pes, error=error)
    conn, _ = learned(
        net, pre, post[0], function=lambda x: 0, learning_rule_type=rls, error=error[0]
    )
    with net:
        nengo.Probe(conn.learning_rule, "inv_gamma", sample_every=0.05)
        nengo.Probe(conn.learning_rule, "delta", sample_every=0.05)
    assert_matches_reference_in_both_loops(net)


def test_rules_on_full_weights(net):
    """Several rules on one connection; errors that encoders turn to the neurons."""
    pre, post, error = net.pre, net.post, net.error
    rng = np.random.default_rng(0)
    rules = [nengo.BCM(1e-9), nengo.Oja(1e-7), nengo.PES(1e-4)]
    with net:
        conn = nengo.Connection(
            pre.neurons,
            post.neurons,
            transform=rng.normal(size=(25, 30)) * 1e-4,
            learning_rule_type=rules,
        )
        nengo.Connection(error, conn.learning_rule[2])
        nengo.Probe(conn, "weights", sample_every=0.01)
        nengo.Probe(conn.learning_rule[0], "theta", sample_every=0.01)
        nengo.Probe(conn.learning_rule[1], "delta", sample_every=0.01)
    pes = {"learning_rule_type": nengo.PES(1e-4), "error": error}
    learned(net, pre, post, solver=nengo.solvers.LstsqL2(weights=True), **pes)
    pes["error"] = error[1]
    learned(net, pre[0], post[1:], solver=nengo.solvers.LstsqL2(weights=True), **pes)
    learned(net, pre.neurons[:10], post[1:], transform=np.zeros((1, 10)), **pes)
    assert_matches_reference_in_both_loops(net)


def test_weights_to_a_selection(net):
    """The reference does not learn these; the same parts as slices it does."""
    pre, post, error = net.pre, net.post, net.error
    probes = []
    for part, neurons in (
        (post[1:], post.neurons[2:5]),
        (post[[1]], post.neurons[[2, 3, 4]]),
    ):
        pes = {"learning_rule_type": nengo.PES(1e-4), "error": error[1], "seed": 0}
        solver = nengo.solvers.LstsqL2(weights=True)
        probes.append(learned(net, pre[0], part, solver=solver, **pes)[1])
        pes["error"] = error
        weights = np.zeros((3, 30))
        probes.append(learned(net, pre.neurons, neurons, transform=weights, **pes)[1])
    values = simulated_data(net, [100])
    assert_same(
        {probe: values[probe] for probe in probes[:2]},
        dict(zip(probes[:2], [values[probe] for probe in probes[2:]], strict=True)),
    )


def test_rules_on_encoders(net):
    voja = nengo.Voja(learning_rate=1e-2, post_synapse=None)
    conn, _ = learned(net, net.pre, net.post, learning_rule_type=voja)
    with net:
        switch = nengo.Node(lambda t: t < 0.2)
        nengo.Connection(switch, conn.learning_rule, synapse=None)
        nengo.Probe(conn.learning_rule, "scaled_encoders", sample_every=0.01)
    assert_matches_reference(net, 300)


def test_alike_rules_are_one_group(net):
    for rate in (1e-3, 1e-4):
        pes = nengo.PES(rate)
        learned(net, net.pre, net.post, learning_rule_type=pes, error=net.error)
    with Simulator(net, progress_bar=False) as sim:
        plan = sim.program.optimized.plan
        groups = [group for group in plan if type(group[0]).__name__ == "SimPES"]
        assert [len(group) for group in groups] == [2]
    assert_matches_reference(net, 200)


@pytest.mark.usefixtures("executor")
def test_an_error_that_does_not_fit(net):
    """The reference fails in the first step."""
    rls = nengo.RLS()
    learned(
        net, net.pre, net.post.neurons[:1], function=lambda x: 0, learning_rule_type=rls
    )
    with Simulator(net, progress_bar=False) as sim:
        with pytest.raises(
            BuildError, match=r"RLS has 2 values, but its connection has 1"
        ):
            sim.run_steps(1)


@pytest.mark.parametrize("probed", [False, True])
def test_changes_are_kept_as_factors_unless_they_are_probed(net, probed):
    rule = {"learning_rule_type": nengo.PES(1e-3), "error": net.error}
    conn, _ = learned(net, net.pre, net.post, **rule)
    if probed:
        with net:
            nengo.Probe(conn.learning_rule, "delta")
    with Simulator(net, progress_bar=False) as sim:
        graph = sim.program.optimized.graph
        (pes,) = (op for op in graph if type(op).__name__ == "SimPES")
        shapes = [sig.shape for sig in pes.updates]
    assert shapes == ([(2, 30)] if probed else [(2,), (30,)])


def test_every_item_learns_its_own_weights(net):
    pes = nengo.PES(1e-3)
    conn, probe = learned(
        net, net.pre, net.post, learning_rule_type=pes, error=net.error
    )
    inputs = np.random.default_rng(0).uniform(-1, 1, size=(2, 100, 2))
    with Simulator(net, minibatch_size=2, progress_bar=False) as sim:
        start = np.array(sim.data[conn].weights)
        sim.run_steps(100, data={net.stimulus: inputs})
        weights = np.array(sim.data[conn].weights)
        actual = np.array(sim.data[probe])
        assert weights.shape == (2, 2, 30)
        sim.reset()
        np.testing.assert_array_equal(sim.data[conn].weights, start)
        sim.run_steps(100, data={net.stimulus: inputs}, stateful=False)
        np.testing.assert_array_equal(sim.data[conn].weights, start)
    for item in range(2):
        net.stimulus.output = nengo.processes.PresentInput(inputs[item], 0.001)
        expected = reference_data(net, [100])[probe]
        np.testing.assert_allclose(actual[item], expected, atol=1e-12)
