"""Networks give the reference simulator's output, in float64."""

import nengo
import numpy as np
import pytest

from nengo_dl_core import Simulator, configure_settings
from reference import (
    assert_matches_reference,
    assert_same,
    reference_data,
    simulated_data,
)


def sine(t):
    return np.sin(6 * t)


def feedback(neuron_type):
    with nengo.Network(seed=1) as net:
        stimulus = nengo.Node(sine)
        ens = nengo.Ensemble(50, 1, neuron_type=neuron_type)
        nengo.Connection(stimulus, ens, transform=0.1, synapse=0.1)
        nengo.Connection(ens, ens, synapse=0.1)
        nengo.Probe(ens, synapse=0.01)
        nengo.Probe(ens.neurons)
    return net


def communication():
    """All kinds of Nodes without Python in the loop, functions, slices, a process."""
    with nengo.Network(seed=2) as net:
        noise = nengo.Node(nengo.processes.WhiteSignal(1, 5, rms=0.3), size_out=2)
        constant = nengo.Node([0.5, -0.2, 0.1])
        relay = nengo.Node(size_in=2)
        square = nengo.Ensemble(40, 2)
        rate = nengo.Ensemble(30, 2, neuron_type=nengo.LIFRate())
        nengo.Connection(noise[[1, 0]], relay, synapse=None)
        nengo.Connection(relay, square)
        nengo.Connection(constant[:2], square[1], transform=[[1, 0.5]])
        nengo.Connection(square, rate[0], function=lambda x: x[0] * x[1])
        nengo.Connection(rate[0], square[1], synapse=0.02, transform=0.5)
        nengo.Connection(square.neurons[::2], rate.neurons[:20], transform=np.eye(20))
        nengo.Probe(relay)
        nengo.Probe(square, synapse=0.02)
        nengo.Probe(rate[1:], synapse=0.02, sample_every=0.005)
        nengo.Probe(square.neurons, "voltage", sample_every=0.0025)
    return net


def integrate_and_fire():
    """Rates that divide the step exactly, from zero: one bit would move a spike."""
    with nengo.Network(seed=3) as net:
        stimulus = nengo.Node(1.0)
        at_zero = {"voltage": nengo.dists.Choice([0])}
        for neuron_type in (
            nengo.SpikingRectifiedLinear(initial_state=at_zero),
            nengo.RectifiedLinear(),
        ):
            ens = nengo.Ensemble(
                5,
                1,
                neuron_type=neuron_type,
                encoders=np.ones((5, 1)),
                gain=[250.0, 125.0, 100.0, 500.0, 10.0],
                bias=[0.0, 0.0, 25.0, 0.0, 30.0],
            )
            nengo.Connection(stimulus, ens, synapse=None)
            nengo.Probe(ens.neurons)
    return net


def several_targets():
    """Ensembles with one to three large products, done together for each ensemble."""
    rng = np.random.default_rng(0)
    with nengo.Network(seed=4) as net:
        stimulus = nengo.Node(sine)
        ensembles = [nengo.Ensemble(512, 16) for _ in range(6)]
        nengo.Connection(stimulus, ensembles[5][0])
        for i, targets in enumerate([[3], [5, 0], [4, 1, 0], [2, 5], [1], [3, 2, 4]]):
            for target in targets:
                weights = rng.uniform(-1e-4, 1e-4, (16, 512))
                nengo.Connection(
                    ensembles[i].neurons, ensembles[target], transform=weights
                )
        for ens in ensembles:
            nengo.Probe(ens.neurons, "input", sample_every=0.01)
    return net


NETWORKS = {
    "LIF": lambda: feedback(nengo.LIF()),
    "LIFRate": lambda: feedback(nengo.LIFRate()),
    "RectifiedLinear": lambda: feedback(nengo.RectifiedLinear()),
    "SpikingRectifiedLinear": lambda: feedback(nengo.SpikingRectifiedLinear()),
    "communication": communication,
    "integrate and fire": integrate_and_fire,
    "several targets": several_targets,
}


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_equals_reference(network):
    net = network()
    with net:
        configure_settings(dtype="float64")
    expected = assert_matches_reference(net)
    # in halves, and with other unrolling; 500 is no multiple of 3
    assert_same(simulated_data(net, [500, 500], unroll_simulation=3), expected)
    assert_same(simulated_data(net, [1000], unroll_simulation=10), expected)


def test_uncompiled_loop_equals_compiled_loop():
    net = communication()
    with net:
        configure_settings(dtype="float64", jit_compile=False)
    assert_matches_reference(net, 200)


@pytest.mark.parametrize("network", [communication, several_targets])
def test_minibatch_equals_single_runs(network):
    net = network()
    with net:
        configure_settings(dtype="float64")
    batch = simulated_data(net, [300], seed=5, minibatch_size=3)
    with Simulator(net, progress_bar=False) as sim:
        for item in range(3):
            sim.reset(seed=5 + item)
            sim.run_steps(300)
            single = {probe: np.array(sim.data[probe]) for probe in batch}
            assert_same({probe: x[item] for probe, x in batch.items()}, single)


def test_minibatch_of_inputs():
    net = feedback(nengo.LIF())
    with net:
        configure_settings(dtype="float64")
    (node,) = net.nodes
    rng = np.random.default_rng(0)
    inputs = rng.uniform(-1, 1, size=(3, 200, 1))
    with Simulator(net, minibatch_size=3, progress_bar=False) as sim:
        sim.run_steps(200, data={node: inputs})
    for item in range(3):
        node.output = nengo.processes.PresentInput(inputs[item], 0.001)
        expected = reference_data(net, [200])
        actual = {probe: sim.data[probe][item] for probe in net.probes}
        assert_same(actual, expected)


def test_a_matrix_that_is_multiplied_in_halves():
    weights = np.random.default_rng(0).normal(size=(512, 512)) / 50
    with nengo.Network() as net:
        configure_settings(dtype="float64")
        stimulus = nengo.Node(lambda t: np.sin(t * np.arange(512)))
        node = nengo.Node(size_in=512)
        nengo.Connection(stimulus, node, transform=weights, synapse=None)
        nengo.Connection(node, node, transform=weights, synapse=0.01)
        nengo.Probe(node)
    assert_matches_reference(net, 20)


def test_python_in_the_loop():
    calls = []
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        feeder = nengo.Node(lambda t, x: [0.5 * x[0] + np.sin(t), 1], size_in=1)
        ens = nengo.Ensemble(50, 2)
        sink = nengo.Node(lambda t, x: calls.append((t, x[0])), size_in=2)
        nengo.Connection(feeder, ens)
        nengo.Connection(ens[0], feeder, synapse=0.1)
        nengo.Connection(ens, sink)
        nengo.Probe(ens, synapse=0.01)
    expected = reference_data(net, [300])
    reference_calls = calls[-300:]
    calls.clear()
    for options in ({}, {"unroll_simulation": 3}):
        assert_same(simulated_data(net, [100, 200], **options), expected)
    times, values = np.transpose(calls[-300:])
    np.testing.assert_array_equal(times, [t for t, _ in reference_calls])
    np.testing.assert_allclose(values, [x for _, x in reference_calls], atol=1e-12)


def test_single_precision_agrees_until_rounding_moves_a_spike():
    net = feedback(nengo.LIF())
    decoded, _ = net.probes
    expected = reference_data(net, [1000])
    actual = simulated_data(net, [1000])
    assert actual[decoded].dtype == np.float32
    np.testing.assert_allclose(
        actual[decoded][:100], expected[decoded][:100], atol=1e-5
    )
    assert np.abs(actual[decoded] - expected[decoded]).mean() < 0.02
