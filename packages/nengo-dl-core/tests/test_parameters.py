"""Saving and loading parameters and state."""

import nengo
import numpy as np
import pytest
from nengo.exceptions import ValidationError

from nengo_dl_core import Simulator, configure_settings
from nengo_dl_optimizer import noop_planner


def network(neuron_type=None, seed=0, n_neurons=20, **settings):
    with nengo.Network(seed=seed) as net:
        configure_settings(dtype="float64", jit_compile=False, **settings)
        node = nengo.Node([0.5], label="stimulus")
        with nengo.Network(label="memory"):
            ens = nengo.Ensemble(
                n_neurons, 1, neuron_type=neuron_type or nengo.LIF(), label="store"
            )
            nengo.Connection(ens, ens, synapse=0.1)
        nengo.Connection(node, ens, transform=0.5)
        net.probe = nengo.Probe(ens, synapse=0.01)
    return net


def simulator(net, **options):
    return Simulator(net, progress_bar=False, **options)


def parameters(sim):
    return [variable.numpy() for _, variable in sim.tensor_graph.parameters]


@pytest.fixture
def saved(tmp_path):
    """A file with changed parameters, and what the simulator puts out with them."""
    path = tmp_path / "parameters.npz"
    net = network(seed=3)
    with simulator(net) as sim:
        for _, variable in sim.tensor_graph.parameters:
            if variable.trainable:
                variable.assign(variable * 1.1)
        sim.save_params(path)
        sim.run_steps(50)
        return path, sim.data[net.probe]


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({}, {}),
        ({"planner": noop_planner, "simplifications": []}, {"unroll_simulation": 2}),
        ({}, {"minibatch_size": 2}),
    ],
)
def test_however_the_network_was_built(saved, settings, options):
    path, expected = saved
    net = network(seed=3, **settings)
    with simulator(net, **options) as sim:
        sim.run_steps(50)
        before = np.array(sim.data[net.probe])
        sim.reset()
        sim.load_params(path)
        sim.run_steps(50)
        actual = (
            np.atleast_3d(sim.data[net.probe])[0]
            if options.get("minibatch_size")
            else sim.data[net.probe]
        )
    np.testing.assert_allclose(actual, expected, atol=1e-12)
    assert not np.allclose(before, sim.data[net.probe])


def test_from_rates_to_spikes(saved):
    path, _ = saved
    with simulator(network(nengo.LIFRate())) as sim:
        sim.load_params(path)
        with np.load(path) as file:
            names = set(file.files)
            bias = file["networks[0:memory].ensembles[0:store].bias"]
        store = sim.model.toplevel.all_ensembles[0]
        np.testing.assert_array_equal(sim.data.get_params((store, "bias"))[0], bias)
    assert names == {
        "connections[0].weights",
        "networks[0:memory].connections[0].weights",
        "networks[0:memory].ensembles[0:store].bias",
        "networks[0:memory].ensembles[0:store].encoders",
        "networks[0:memory].ensembles[0:store].probed",
    }


def test_state(tmp_path):
    path, net = tmp_path / "state", network()
    with simulator(net) as sim:
        sim.run_steps(20)
        sim.save_params(path, include_state=True)
        sim.run_steps(20)
        expected = sim.data[net.probe][20:]
    with simulator(network(planner=noop_planner)) as sim:
        sim.load_params(path, include_state=True)
        assert sim.n_steps == 20
        sim.run_steps(20)
        (probe,) = sim.model.probes
        np.testing.assert_allclose(sim.data[probe], expected, atol=1e-12)
        with pytest.warns(DeprecationWarning, match="include_state"):
            sim.save_params(path, include_non_trainable=True)


def test_weights_that_are_learned_online(tmp_path):
    def learning():
        with nengo.Network(seed=0) as net:
            pre, post = nengo.Ensemble(10, 1), nengo.Node(size_in=1)
            conn = nengo.Connection(pre, post, learning_rule_type=nengo.PES())
            nengo.Connection(nengo.Node(1), conn.learning_rule)
        return net, conn

    path = tmp_path / "learned"
    net, conn = learning()
    with simulator(net) as sim:
        sim.run_steps(20)
        sim.save_params(path)
        expected = sim.data[conn].weights
    net, conn = learning()
    with simulator(net, minibatch_size=2) as sim:
        assert not np.allclose(sim.data[conn].weights, expected)
        sim.load_params(path)
        np.testing.assert_array_equal(sim.data[conn].weights, [expected] * 2)


def test_state_is_named_by_the_objects(tmp_path):
    with nengo.Network(seed=0) as net:
        a, b = nengo.Ensemble(5, 1, label="a"), nengo.Ensemble(5, 1)
        conn = nengo.Connection(a, b, learning_rule_type=nengo.PES())
        nengo.Connection(b, conn.learning_rule, synapse=nengo.Alpha(0.1))
        probe = nengo.Probe(b, synapse=0.1)
    with simulator(net) as sim:
        sim.run_steps(20)
        sim.save_params(tmp_path / "state", include_state=True)
        sim.run_steps(20)
        expected = sim.data[probe][20:]
    with np.load(tmp_path / "state.npz") as file:
        names = {name for name in file.files if name.startswith("state/")}
    assert names == {
        "state/n_steps",
        "state/ensembles[0:a].neurons.voltage",
        "state/ensembles[0:a].neurons.refractory_time",
        "state/ensembles[1].neurons.voltage",
        "state/ensembles[1].neurons.refractory_time",
        "state/connections[0].weights",
        "state/connections[0].weighted",
        "state/connections[0].learning_rule.activities.X",
        "state/connections[0].weights.column",
        "state/connections[0].weights.row",
        "state/connections[1].weighted",
        "state/connections[1].weighted.X",
        "state/probes[0].connection.weighted",
    }
    with simulator(net, minibatch_size=2) as sim:
        sim.load_params(tmp_path / "state", include_state=True)
        sim.run_steps(20)
        np.testing.assert_allclose(sim.data[probe], [expected] * 2, atol=1e-12)


class TestErrors:
    def test_another_network_changes_nothing(self, saved):
        path, _ = saved
        with simulator(network(n_neurons=21)) as sim:
            before = parameters(sim)
            with pytest.raises(
                ValidationError,
                match=r"'networks\[0:memory\].*shape \(20, 1\).*\(21, 1\)",
            ):
                sim.load_params(path)
            for old, new in zip(before, parameters(sim), strict=True):
                np.testing.assert_array_equal(old, new)

    def test_missing_parameter(self, saved):
        path, _ = saved
        with nengo.Network() as net:
            nengo.Ensemble(20, 1)
        with (
            simulator(net) as sim,
            pytest.raises(ValidationError, match=r"'ensembles\[0\].*not in the file"),
        ):
            sim.load_params(path)

    def test_no_state(self, saved):
        path, _ = saved
        with simulator(network()) as sim:
            before = parameters(sim)
            with pytest.raises(ValidationError, match="no state"):
                sim.load_params(path, include_state=True)
            np.testing.assert_array_equal(before[0], parameters(sim)[0])

    def test_no_file(self, tmp_path):
        with simulator(network()) as sim, pytest.raises(FileNotFoundError):
            sim.load_params(tmp_path / "nothing")
