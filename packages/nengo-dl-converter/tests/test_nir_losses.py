"""What NIR cannot say is refused by name, or left out and measured."""

import nengo
import nir
import numpy as np
import pytest

from nengo_dl_converter import NIRError, to_nir
from nengo_dl_core import configure_settings
from nengo_networks import LIF, lone


@pytest.mark.parametrize(
    ("neuron_type", "options", "words"),
    [
        (nengo.LIF(min_voltage=-np.inf), {}, "refractory period of 0.002 s"),
        (nengo.LIF(tau_ref=0), {}, "lowest voltage"),
        (nengo.SpikingRectifiedLinear(), {}, "subtractive reset"),
        (nengo.RectifiedLinear(), {}, "rates"),
        (nengo.LIFRate(), {}, "rates"),
        (nengo.AdaptiveLIF(tau_ref=0), {}, "adaptation"),
        (nengo.Izhikevich(), {}, "no neurons like Izhikevich"),
        (nengo.Sigmoid(), {}, "no neurons like Sigmoid"),
        (LIF, {"noise": nengo.processes.WhiteNoise()}, "noise"),
    ],
)
def test_neurons_that_nir_does_not_have(neuron_type, options, words):
    with pytest.raises(NIRError, match=words) as caught:
        to_nir(lone(neuron_type, **options))
    assert caught.value.node == "ens"


def with_object(add):
    net = lone(LIF)
    with net:
        add(net.all_nodes[0], net.all_ensembles[0])
    return net


@pytest.mark.parametrize(
    ("add", "words"),
    [
        (
            lambda node, ens: nengo.Connection(
                ens, node_in(), learning_rule_type=nengo.PES(), label="it"
            ),
            "the rule PES",
        ),
        (
            lambda node, ens: nengo.Connection(
                node, node_in(), function=np.sin, synapse=None, label="it"
            ),
            "computed in Python",
        ),
        (lambda node, ens: nengo.Node(lambda t, x: x, 1, label="it"), "in Python"),
        (
            lambda node, ens: nengo.Connection(
                ens, node_in(), synapse=nengo.synapses.Triangle(0.01), label="it"
            ),
            "no filter like Triangle",
        ),
        (
            lambda node, ens: nengo.Connection(
                ens,
                node_in(),
                synapse=nengo.LinearFilter([1], [1e-4, 0, 1]),
                label="it",
            ),
            "oscillates",
        ),
        (
            lambda node, ens: nengo.Probe(ens.neurons, "voltage", label="it"),
            "no output for 'voltage'",
        ),
        (
            lambda node, ens: nengo.Probe(ens, sample_every=0.01, label="it"),
            r"samples every 0\.01 s",
        ),
    ],
)
def test_what_nir_does_not_have(add, words):
    with pytest.raises(NIRError, match=words) as caught:
        to_nir(with_object(add))
    assert caught.value.node == "it"


def node_in():
    return nengo.Node(size_in=1)


def test_networks_without_probes():
    with nengo.Network() as net:
        nengo.Node([0.0])
    with pytest.raises(NIRError, match="without probes"):
        to_nir(net)


def test_learning_is_left_out_of_approximations():
    net = lone(LIF)
    (stimulus,), (ensemble,) = net.all_nodes, net.all_ensembles
    with net:
        learned = nengo.Node(size_in=1, label="learned")
        connection = nengo.Connection(
            ensemble, learned, learning_rule_type=nengo.PES(), label="decoders"
        )
        nengo.Connection(stimulus, connection.learning_rule, label="error")
        nengo.Probe(learned, label="every")
        rare = nengo.Probe(learned, sample_every=0.01, label="rare")
    inputs = {stimulus: np.full((1, 50, 1), 0.5)}
    graph, report = to_nir(net, approximate=True, inputs=inputs)
    assert [name for name, _ in report.losses] == ["decoders", "error", "rare"]
    assert report.deviations.keys() == set(net.all_probes) - {rare}
    assert "rare" in graph.nodes


@pytest.mark.parametrize(
    ("choose", "words"),
    [
        (lambda net: {net.all_ensembles[0]: np.zeros((1, 5, 1))}, "which is no input"),
        (lambda net: {net.all_nodes[0]: np.zeros((5, 1))}, r"not \(5, 1\)"),
        (lambda net: {net.all_nodes[0]: np.zeros((1, 5, 2))}, r"not \(1, 5, 2\)"),
    ],
)
def test_inputs_for_a_report_that_do_not_fit(choose, words):
    net = lone(LIF)
    with pytest.raises(NIRError, match=words):
        to_nir(net, approximate=True, inputs=choose(net))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dt": 0}, "dt must be"),
        ({"dtype": "int32"}, "dtype must be"),
        ({"discretization": "best"}, "discretization must be"),
    ],
)
def test_options_of_export(options, words):
    with pytest.raises(NIRError, match=words):
        to_nir(lone(LIF), **options)


@pytest.mark.parametrize(
    "neuron_type", [nengo.LIF(), nengo.LIFRate(amplitude=0.5), nengo.AdaptiveLIF()]
)
def test_decoders_are_those_for_the_neurons_that_are_written(neuron_type):
    net = lone(neuron_type, n_neurons=30)
    (stimulus,) = net.all_nodes
    with net:
        values = nengo.Probe(net.all_ensembles[0], synapse=0.02, label="values")
    inputs = np.linspace(-1, 1, 5)[:, None, None] * np.ones((5, 200, 1))
    graph, report = to_nir(net, approximate=True, inputs={stimulus: inputs})
    assert report.deviations[values].root_mean_square < 0.15
    assert type(graph.nodes["ens.neurons"]) is nir.LIF
    assert net.all_ensembles[0].neuron_type is neuron_type


def test_approximations_are_measured():
    net = lone(nengo.LIF(tau_ref=0.001))
    (stimulus,) = net.all_nodes
    values = np.random.default_rng(0).uniform(-1, 1, (2, 1, 1)) * np.ones((2, 200, 1))
    graph, report = to_nir(net, approximate=True, inputs={stimulus: values})
    assert [name for name, _ in report.losses] == ["ens", "ens"]
    (deviation,) = report.deviations.values()
    assert 0 < deviation.root_mean_square < 0.5
    assert deviation.largest == 1
    assert "refractory" in str(report)
    assert "differs by" in str(report)

    _, exact = to_nir(lone(LIF), approximate=True)
    assert str(exact) == "nothing is lost"
    assert type(graph.nodes["ens.neurons"]) is nir.LIF


def test_rounded_values_are_written():
    """What is written are the weights and biases of a simulation of few bits."""
    with nengo.Network() as net:
        configure_settings(quantization=4)
        node = nengo.Node([0.0, 0.0], label="node")
        ens = nengo.Ensemble(
            2, 1, neuron_type=LIF, gain=[1, 2], bias=[1.23456, 2], label="ens"
        )
        output = nengo.Node(size_in=1, label="output")
        weights = [[0.9, -0.33], [0.04, 0.011]]
        into = nengo.Connection(
            node, ens.neurons, transform=weights, synapse=None, label="into"
        )
        nengo.Connection(ens.neurons, output, transform=[[0.3, 1]], synapse=None)
        nengo.Probe(output, label="probe")
    with pytest.raises(NIRError, match="that its input is rounded"):
        to_nir(net)
    graph, report = to_nir(net, approximate=True)
    assert [name for name, _ in report.losses] == ["into", "ens"]
    rounded = np.array([[7 / 8, -3 / 8], [5 / 128, 1 / 128]]) * [[1], [2]]
    assert_is_written(graph, rounded, [round(1.23456 * 4096) / 4096, 2])

    net.config[ens].quantization = net.config[into].quantization = False
    graph = to_nir(net)
    assert_is_written(graph, np.multiply(weights, [[1], [2]]), [1.23456, 2])


def assert_is_written(graph, weights, bias):
    np.testing.assert_array_equal(graph.nodes["node-ens"].weight, weights)
    np.testing.assert_array_equal(graph.nodes["ens"].v_leak, bias)
    np.testing.assert_array_equal(graph.nodes["ens-output"].weight, [[250, 1000]])
