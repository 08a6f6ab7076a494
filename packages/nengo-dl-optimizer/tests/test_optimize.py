"""The whole pipeline against the reference, on networks of Nengo's own making."""

import nengo
import numpy as np
import pytest

from nengo_dl_optimizer import (
    OperatorGraph,
    default_simplifications,
    greedy_planner,
    noop_order_signals,
    noop_planner,
    optimize,
    order_signals,
    simplify,
)
from plain_execution import run_groups, run_plainly


def _learning(seed):
    with nengo.Network(seed=seed) as net:
        stimulus = nengo.Node(lambda t: np.sin(40 * t))
        pre = nengo.Ensemble(20, 1)
        post = nengo.Ensemble(20, 1)
        error = nengo.Ensemble(20, 1)
        nengo.Connection(stimulus, pre)
        learned = nengo.Connection(
            pre, post, function=lambda x: 0 * x, learning_rule_type=nengo.PES()
        )
        nengo.Connection(post, error)
        nengo.Connection(stimulus, error, transform=-1)
        nengo.Connection(error, learned.learning_rule)
        nengo.Probe(post, synapse=0.01)
        nengo.Probe(learned, "weights")
    return net


def _cconv(seed):
    with nengo.Network(seed=seed) as net:
        cconv = nengo.networks.CircularConvolution(10, 4)
        nengo.Connection(nengo.Node([0.1, 0.2, 0.3, 0.4]), cconv.input_a)
        nengo.Connection(nengo.Node(lambda t: [t] * 4), cconv.input_b)
        nengo.Probe(cconv.output, synapse=0.01)
    return net


def _sliced(seed):
    with nengo.Network(seed=seed) as net:
        node = nengo.Node(lambda t: [t, -t, 2 * t, np.cos(t)])
        passthrough = nengo.Node(size_in=4)
        nengo.Connection(node[::2], passthrough[1::-1], synapse=None)
        nengo.Connection(node[[3, 0]], passthrough[[3, 2]], synapse=0.01)
        nengo.Connection(passthrough[1], passthrough[3], synapse=None)
        neurons = nengo.Ensemble(6, 2).neurons
        nengo.Connection(passthrough, neurons[2:], synapse=None)
        nengo.Connection(neurons, neurons, transform=nengo.Sparse((6, 6), [(1, 2)]))
        nengo.Probe(passthrough)
        nengo.Probe(neurons)
    return net


@pytest.mark.parametrize("network", [_learning, _cconv, _sliced])
@pytest.mark.parametrize("planner", [greedy_planner, noop_planner])
@pytest.mark.parametrize("sorter", [order_signals, noop_order_signals])
@pytest.mark.parametrize("simplifications", [None, []])
def test_probes_have_the_values_of_the_reference(
    network, planner, sorter, simplifications
):
    model = nengo.builder.Model()
    model.build(network(seed=1))
    graph = OperatorGraph(model.operators)
    probed = [model.sig[probe]["in"] for probe in model.probes]
    expected = run_plainly(graph, probed, 20)

    optimized = optimize(
        graph, planner=planner, sorter=sorter, simplifications=simplifications
    )

    current = [optimized.graph.current(signal) for signal in probed]
    plain = run_plainly(optimized.graph, current, 20)
    np.testing.assert_equal(plain, expected)
    grouped = run_groups(optimized, probed, 20)
    for values, reference in zip(grouped, expected, strict=True):
        for value, wanted in zip(values, reference, strict=True):
            np.testing.assert_allclose(value, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("network", [_learning, _cconv, _sliced])
def test_nengos_simulator_runs_the_simplified_operators(network):
    net = network(seed=1)
    models = [nengo.builder.Model() for _ in range(2)]
    for model in models:
        model.build(net)
    graph = simplify(OperatorGraph(models[1].operators), default_simplifications)
    assert len(graph) < len(models[1].operators)
    models[1].operators = list(graph)
    for probe in net.all_probes:
        models[1].sig[probe]["in"] = graph.current(models[1].sig[probe]["in"])
    expected, found = (_run(model, 20) for model in models)
    for probe in net.all_probes:
        np.testing.assert_array_equal(found[probe], expected[probe])


def _run(model, n_steps):
    with nengo.Simulator(
        None, model=model, optimize=False, progress_bar=False
    ) as simulator:
        simulator.run_steps(n_steps)
        return {probe: simulator.data[probe] for probe in model.probes}
