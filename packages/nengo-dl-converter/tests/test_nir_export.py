"""Nengo networks are written as NIR graphs that compute the same."""

import keras
import nengo
import nir
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from nengo.dists import Choice

import nengo_dl_core
from nengo_dl_converter import Converter, NIRError, from_nir, to_nir
from nengo_networks import LIF, lone, networks
from nir_executor import run
from nir_graphs import cases
from nir_runs import FILES, assert_same, simulated_by_reference

N_STEPS = 100


def assert_written(net, graph, dt=0.001, discretization="exact"):
    """A graph gives the probes of a network, spikes as 1."""
    rng = np.random.default_rng(0)
    imported = from_nir(graph, dt, discretization)
    for name, node in imported.inputs.items():
        (original,) = [node for node in net.all_nodes if node.label == name]
        values = rng.normal(size=(N_STEPS, node.size_out))
        node.output = original.output = nengo.processes.PresentInput(values, dt)
    with np.errstate(divide="ignore"):  # in Nengo, for neurons that just do not fire
        found, expected = (
            nengo.Simulator(network, dt=dt, progress_bar=False)
            for network in (imported.net, net)
        )
    with found, expected:
        found.run_steps(N_STEPS)
        expected.run_steps(N_STEPS)
    for probe in net.all_probes:
        values = np.array(expected.data[probe])
        if isinstance(probe.obj, nengo.ensemble.Neurons) and not probe.synapse:
            values = np.round(values * dt / probe.obj.ensemble.neuron_type.amplitude, 9)
        assert_same(found.data[imported.outputs[probe.label]], values)
    return found


@pytest.mark.parametrize("discretization", ["exact", "euler"])
def test_random_networks(discretization):
    @seed(0)
    @settings(
        max_examples=30,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(networks())
    def check(net):
        graph = to_nir(net, discretization=discretization)
        assert_written(net, graph, discretization=discretization)

    check()


def test_random_graphs_are_written_as_they_were_read():
    @seed(0)
    @settings(
        max_examples=40,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases())
    def check(case):
        graph, inputs, dt, discretization = case
        written = to_nir(from_nir(graph, dt, discretization).net)
        assert same_nodes(written, graph)
        expected = run(graph, inputs, dt, discretization)
        for name, values in run(written, inputs, dt, discretization).items():
            np.testing.assert_array_equal(values, expected[name])

    check()


def same_nodes(written, graph):
    assert list(written.nodes) == list(graph.nodes)
    assert list(written.edges) == list(graph.edges)
    for name, node in graph.nodes.items():
        assert type(written.nodes[name]) is type(node)
        if isinstance(node, nir.NIRGraph):
            assert same_nodes(written.nodes[name], node)
    return True


@pytest.mark.parametrize(
    "name",
    ["lif_norse", "cnn_sinabs", "braille_noDelay_bias_zero", "braille_sub"],
)
def test_published_graphs_are_written_as_they_were_read(name, tmp_path):
    imported = from_nir(FILES / f"{name}.nir", 1, "euler")
    graph = to_nir(imported.net)
    nir.write(tmp_path / "again.nir", graph)
    assert graph.metadata["dt"] == 1
    assert "nengo-dl-converter" in graph.metadata["writer"]
    again = from_nir(tmp_path / "again.nir", 1, "euler")
    assert again.net.graph.edges == imported.net.graph.edges
    for (path, node), (other_path, other) in zip(
        leaves(imported.net.graph), leaves(again.net.graph), strict=True
    ):
        assert path == other_path
        assert node.kind == other.kind
        for parameter, value in node.parameters.items():
            np.testing.assert_array_equal(
                np.broadcast_to(value, np.shape(other[parameter])), other[parameter]
            )


def leaves(graph, path=()):
    for name, node in sorted(graph.nodes.items()):
        if hasattr(node, "edges"):
            yield from leaves(node, (*path, name))
        else:
            yield (*path, name), node


def test_trained_weights_are_written():
    rng = np.random.default_rng(0)
    imported = from_nir(FILES / "braille_noDelay_bias_zero.nir", 1e-4, "euler")
    inputs = 1.0 * (rng.uniform(size=(4, 30, 12)) < 0.4)
    with imported.net:
        nengo_dl_core.configure_settings(dtype="float64")
    node, probe = imported.inputs["input"], imported.outputs["output"]
    with nengo_dl_core.Simulator(
        imported.net, dt=1e-4, minibatch_size=4, progress_bar=False
    ) as sim:
        before = sim.predict({node: inputs}, verbose=0)[probe]
        sim.compile(optimizer=keras.optimizers.SGD(1.0), loss="mse")
        sim.fit({node: inputs}, {probe: np.ones((4, 30, 7))}, epochs=10, verbose=0)
        after = sim.predict({node: inputs}, verbose=0)[probe]
        sim.freeze_params(imported.net)
    graph = to_nir(imported.net)
    assert (before != after).any()
    np.testing.assert_array_equal(
        run(graph, {"input": inputs}, 1e-4, "euler")["output"], after
    )
    original = nir.read(FILES / "braille_noDelay_bias_zero.nir")
    np.testing.assert_array_equal(graph.nodes["lif2"].r, original.nodes["lif2"].r)
    for name in ("fc1", "fc2", "lif1.w_rec"):
        assert (graph.nodes[name].weight != original.nodes[name].weight).any()
        assert (graph.nodes[name].bias != original.nodes[name].bias).any()


def test_imported_networks_that_were_extended():
    imported = from_nir(FILES / "lif_norse.nir", 1e-4, "exact")
    with imported.net:
        nengo.Probe(imported.layers["1"], label="spikes")
        more = nengo.Node(size_in=1, label="more")
        nengo.Connection(imported.layers["1"], more, transform=3, synapse=None)
        nengo.Probe(more, label="tripled")
    graph = to_nir(imported.net, dt=1e-4)
    inputs = {"input": np.random.default_rng(0).uniform(size=(1, 200, 1))}
    found = run(graph, inputs, 1e-4, "exact")
    assert found["spikes"].sum() > 1
    np.testing.assert_array_equal(found["output"], found["spikes"])
    np.testing.assert_array_equal(found["tripled"], 3 * found["spikes"])


def extended(discretization):
    """An imported network to which a Node was added."""
    imported = from_nir(
        FILES / "braille_noDelay_bias_zero.nir", 1e-4, discretization=discretization
    )
    with imported.net:
        more = nengo.Node(size_in=7, label="more")
        nengo.Connection(imported.layers["lif2"], more, synapse=None)
        nengo.Probe(more, label="more")
    return imported.net


def test_imported_parts_keep_their_discretization():
    graph = to_nir(extended("euler"), dt=1e-4)
    assert graph.metadata["discretization"] == "euler"
    with pytest.raises(NIRError, match="imported from NIR with discretization='euler'"):
        to_nir(extended("euler"), dt=1e-4, discretization="exact")
    with pytest.raises(NIRError, match=r"give dt=0\.0001") as caught:
        to_nir(extended("exact"), dt=1e-3)
    assert caught.value.node == "lif1.lif"


def convolutional(channels_last, bias):
    with nengo.Network(seed=0) as net:
        shape = (6, 5, 2) if channels_last else (2, 6, 5)
        image = nengo.Node(np.zeros(60), label="image")
        first = nengo.Convolution(
            4,
            shape,
            strides=(2, 1),
            channels_last=channels_last,
            groups=2,
            init=np.random.default_rng(0).normal(size=(3, 3, 1, 4)),
        )
        hidden = nengo.Ensemble(
            first.size_out,
            1,
            neuron_type=LIF,
            label="hidden",
            gain=np.ones(first.size_out),
            bias=bias * np.arange(first.size_out),
        )
        nengo.Connection(image, hidden.neurons, transform=first, synapse=None)
        second = nengo.Convolution(
            3,
            first.output_shape,
            padding="same",
            channels_last=channels_last,
            init=np.random.default_rng(1).normal(0, 1e-3, size=(3, 3, 4, 3)),
        )
        last = nengo.Node(size_in=second.size_out, label="last")
        nengo.Connection(hidden.neurons, last, transform=second, synapse=0.01)
        score = nengo.Node(size_in=2, label="score")
        weights = np.random.default_rng(2).normal(size=(2, last.size_out))
        nengo.Connection(last, score, transform=weights, synapse=None)
        nengo.Probe(hidden.neurons, label="spikes")
        nengo.Probe(last, label="map")
        nengo.Probe(score, label="scores")
    return net


@pytest.mark.parametrize("bias", [0.0, 0.02])
def test_convolutions_stay_convolutions(bias):
    net = convolutional(channels_last=False, bias=bias)
    graph = to_nir(net)
    kinds = [type(node) for node in graph.nodes.values()]
    assert kinds.count(nir.Conv2d) == 2
    imported = from_nir(graph, 0.001, "exact")
    assert imported.shapes["map"] == (3, 2, 3)
    assert_written(net, graph)


def test_channels_are_first_in_nir():
    net = convolutional(channels_last=True, bias=0.0)
    graph = to_nir(net)
    imported = from_nir(graph, 0.001, "exact")
    assert imported.shapes["image"] == (2, 6, 5)
    values = np.random.default_rng(3).normal(size=(1, 30, 6, 5, 2))
    inputs = np.moveaxis(values, -1, 2).reshape(1, 30, -1)
    found = simulated_by_reference(imported, {"image": inputs})
    (image,) = [node for node in net.all_nodes if node.label == "image"]
    image.output = nengo.processes.PresentInput(values.reshape(30, -1), 0.001)
    with np.errstate(divide="ignore"):
        sim = nengo.Simulator(net, progress_bar=False)
    with sim:
        sim.run_steps(30)
    probes = {probe.label: sim.data[probe] for probe in net.all_probes}
    assert_same(found["scores"][0], probes["scores"])
    expected = probes["map"].reshape(30, 2, 3, 3)
    assert_same(found["map"][0], np.moveaxis(expected, -1, 1).reshape(30, -1))


def test_converted_keras_models():
    image = keras.Input((6, 6, 1), name="image")
    x = keras.layers.Conv2D(3, 3, activation="relu", bias_initializer="ones")(image)
    x = keras.layers.AveragePooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(4, activation="relu", bias_initializer="ones")(x)
    model = keras.Model(image, x)
    converter = Converter(
        model,
        allow_fallback=False,
        swap_activations={keras.activations.relu: LIF},
        synapse=0.005,
    )
    converter.net.seed = 1
    converter.outputs[model.output].label = "scores"
    graph = to_nir(converter.net)
    assert list(from_nir(graph, 0.001, "exact").inputs) == ["image"]
    assert_written(converter.net, graph)


def test_lowest_voltages_that_do_not_matter():
    with nengo.Network(seed=0) as net:
        first = nengo.Ensemble(3, 1, neuron_type=LIF, label="first")
        second = nengo.Ensemble(
            2,
            1,
            neuron_type=nengo.LIF(tau_ref=0),
            label="second",
            gain=np.ones(2),
            bias=np.ones(2),
        )
        weights = 1e-3 * np.ones((2, 3))
        nengo.Connection(first.neurons, second.neurons, transform=weights, synapse=0.01)
        nengo.Probe(second.neurons, label="spikes")
    assert_written(net, to_nir(net))


def test_initial_voltages():
    neuron_type = nengo.LIF(
        tau_ref=0, min_voltage=-np.inf, initial_state={"voltage": Choice([0.9])}
    )
    net = lone(neuron_type)
    sim = assert_written(net, to_nir(net))
    assert sim.n_steps == N_STEPS


def test_nothing_comes_in_but_inputs(tmp_path):
    # Voltages that do not begin at 0, and are fed by nothing but filters.
    with nengo.Network(seed=0) as net:
        stimulus = nengo.Node([0.0], label="stimulus")
        first = nengo.Ensemble(9, 1, neuron_type=LIF, label="first")
        second = nengo.Ensemble(7, 1, neuron_type=LIF, label="second")
        nengo.Connection(stimulus, first, synapse=None)
        nengo.Connection(
            first, second, solver=nengo.solvers.LstsqL2(weights=True), synapse=0.01
        )
        nengo.Probe(second.neurons[2:5], label="some")
    nir.write(tmp_path / "graph.nir", to_nir(net))
    graph = nir.read(tmp_path / "graph.nir")  # adds an Input to what nothing feeds
    assert list(graph.inputs) == ["stimulus"]
    assert_written(net, graph)
