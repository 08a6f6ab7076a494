"""Parameters that go back into Nengo objects."""

import pickle
import subprocess
import sys
import warnings

import keras
import nengo
import numpy as np
import pytest
from nengo.exceptions import ValidationError

from nengo_dl_core import Layer, Simulator, configure_settings
from reference import assert_same, recorded

N_STEPS = 60


def simulator(net, **options):
    return Simulator(net, progress_bar=False, **options)


def change_parameters(sim):
    """Do what training does: give all parameters other values."""
    rng = np.random.default_rng(0)
    for variable in sim.tensor_graph.trainable_variables:
        value = variable.numpy()
        variable.assign(value * rng.uniform(0.8, 1.2, size=value.shape) + 0.001)


# what lies between a Node or an ensemble of three dimensions and another ensemble
CONNECTIONS = {
    "default": {},
    "scalar": {"transform": 0.7},
    "vector": {"transform": [0.5, -1.0, 2.0]},
    "matrix": {"transform": np.arange(9).reshape(3, 3) / 9},
    "function": {"function": np.square},
    "reduced": {"function": np.cumsum, "transform": np.ones((3, 3)) / 2},
    "points": {"function": np.ones((5, 3)), "eval_points": np.eye(5, 3)},
    "weights": {"solver": nengo.solvers.LstsqL2(weights=True)},
    "whole weights": {"solver": nengo.solvers.LstsqL2(weights=True, reg=0.5)},
}
OTHERS = {
    "sparse": nengo.Sparse((3, 3), [[0, 1], [2, 2], [1, 0]], [0.5, -1.0, 0.3]),
    "convolution": nengo.Convolution(1, (3, 1), (3,), strides=(1,), padding="same"),
    "transposed": nengo.ConvolutionTranspose(
        1, (3, 1), kernel_size=(3,), strides=(1,), padding="same"
    ),
}


@pytest.fixture
def net():
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        net.node = nengo.Node([0.5, -0.3, 0.8])
    return net


def check_frozen(net):
    with simulator(net) as sim:
        change_parameters(sim)
        sim.freeze_params(net)
        expected = recorded(sim, N_STEPS)
    assert_same(recorded(nengo.Simulator(net, progress_bar=False), N_STEPS), expected)
    return expected


@pytest.mark.parametrize("name", CONNECTIONS)
def test_frozen_ensembles_and_decoders(net, name):
    options = CONNECTIONS[name]
    with net:
        pre = nengo.Ensemble(30, 3, neuron_type=nengo.LIFRate(), radius=1.5)
        post = nengo.Ensemble(30, 3, neuron_type=nengo.LIFRate())
        nengo.Connection(net.node, pre)
        nengo.Connection(pre, post, **options)
        nengo.Probe(post, synapse=0.01)
    before = recorded(nengo.Simulator(net, progress_bar=False), N_STEPS)
    after = check_frozen(net)
    for probe, values in before.items():
        assert not np.allclose(values, after[probe])


@pytest.mark.parametrize("name", OTHERS)
def test_frozen_transforms(net, name):
    with net:
        post = nengo.Ensemble(30, 3)
        relay = nengo.Node(size_in=3)
        nengo.Connection(net.node, relay, transform=OTHERS[name])
        nengo.Connection(relay, post)
        nengo.Connection(net.node, post.neurons[:3], transform=[0.1, 0.2, 0.3])
        nengo.Probe(relay)
        nengo.Probe(post, synapse=0.01)
    check_frozen(net)
    assert all(type(c.transform) is not np.ndarray for c in net.connections)


def test_frozen_in_pieces_of_networks(net):
    with net:
        with nengo.Network() as subnet:
            ens = nengo.Ensemble(20, 3)
            nengo.Ensemble(5, 2, neuron_type=nengo.Direct())
        conn = nengo.Connection(net.node, ens[[2, 0, 1]])
        nengo.Connection(ens[0], ens[1], synapse=0.1)
        nengo.Connection(ens.neurons, ens.neurons, transform=np.eye(20) * 1e-3)
        nengo.Probe(ens.neurons)
    with simulator(net) as sim:
        change_parameters(sim)
        sim.freeze_params([subnet, *net.connections])
        sim.freeze_params(conn)
        expected = recorded(sim, N_STEPS)
    assert_same(recorded(nengo.Simulator(net, progress_bar=False), N_STEPS), expected)


@pytest.mark.filterwarnings("ignore::RuntimeWarning:nengo")
def test_trained_encoders_of_neurons_without_gain(net):
    with net:
        ens = nengo.Ensemble(
            4, 3, neuron_type=nengo.RectifiedLinear(), gain=[0, 0, 1, 2], bias=[1] * 4
        )
        nengo.Connection(net.node, ens, synapse=None)
        nengo.Probe(ens.neurons)
    with simulator(net) as sim:
        change_parameters(sim)
        sim.freeze_params(net)
        expected = recorded(sim, N_STEPS)
    assert_same(recorded(nengo.Simulator(net, progress_bar=False), N_STEPS), expected)


@pytest.mark.filterwarnings("ignore::RuntimeWarning:nengo")
def test_silent_neurons_have_the_same_encoders_everywhere(net):
    """Finite ones: their own, or those that training has given them."""
    with net:
        ens = nengo.Ensemble(
            3, 3, neuron_type=nengo.RectifiedLinear(), gain=[0, 1, 2], bias=[1] * 3
        )
        nengo.Connection(net.node, ens, synapse=None)
        nengo.Probe(ens)
    with simulator(net) as sim:
        first = sim.data[ens].encoders
        np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for changed in (False, True):
                if changed:
                    change_parameters(sim)
                data, given = sim.data[ens], sim.get_nengo_params(ens)
                for name in ("encoders", "gain", "bias"):
                    np.testing.assert_array_equal(given[name], getattr(data, name))
                scaled = data.encoders * data.gain[:, None]
                np.testing.assert_allclose(scaled, data.scaled_encoders, rtol=1e-12)
    assert np.isfinite(data.encoders).all()
    assert np.abs(data.encoders[0] - first[0]).max() > 0.1


@pytest.mark.filterwarnings("ignore::RuntimeWarning:nengo")
def test_what_a_gain_of_zero_cannot_express_is_refused(net):
    with net:
        ens = nengo.Ensemble(
            2, 3, neuron_type=nengo.RectifiedLinear(), gain=[0, 1], bias=[1, 1]
        )
        nengo.Connection(net.node, ens)
        nengo.Connection(net.node, ens.neurons, transform=np.ones((2, 3)))
        nengo.Probe(ens.neurons)
    with simulator(net) as sim:
        sim.freeze_params(net)
        change_parameters(sim)
        with pytest.raises(ValidationError, match="only one of these can be kept"):
            sim.freeze_params(net)


def test_frozen_layers(net):
    """A new simulator of the network is the trained one; the first layer is shared."""
    with net:
        shared = keras.layers.Dense(3, activation="tanh", dtype="float64")
        x = Layer(shared)(net.node)
        with nengo.Network() as subnet:
            y = Layer(keras.layers.Dense(4, dtype="float64"))(Layer(shared)(x))
        nengo.Probe(y)
    with simulator(net) as sim:
        before = [weight.numpy() for weight in shared.weights]
        change_parameters(sim)
        for old, weight in zip(before, shared.weights, strict=True):
            np.testing.assert_array_equal(weight, old)
        sim.freeze_params([y, *net.all_connections])
        for old, weight in zip(before, shared.weights, strict=True):
            np.testing.assert_array_equal(weight, old)
        sim.freeze_params(net)
        expected = recorded(sim, N_STEPS)
    assert subnet.nodes
    assert_same(recorded(simulator(net), N_STEPS), expected)


def test_frozen_networks_need_nothing_but_nengo(net, tmp_path):
    with net:
        a, b = (nengo.Ensemble(20, 3, neuron_type=nengo.LIFRate()) for _ in range(2))
        nengo.Connection(net.node, a)
        for options in CONNECTIONS.values():
            nengo.Connection(a, b, **options)
        for transform in OTHERS.values():
            nengo.Connection(net.node, nengo.Node(size_in=3), transform=transform)
        nengo.Probe(b, synapse=0.01)
    with simulator(net) as sim:
        change_parameters(sim)
        sim.freeze_params(net)
        (expected,) = recorded(sim, N_STEPS).values()
    path = tmp_path / "network"
    path.write_bytes(pickle.dumps(net))
    code = f"""
import pickle, sys
for name in ("tensorflow", "keras", "nengo_dl", "nengo_dl_core", "nengo_dl_optimizer"):
    sys.modules[name] = None  # not installed
import nengo
net = pickle.load(open(sys.argv[1], "rb"))
with nengo.Simulator(net, progress_bar=False) as sim:
    sim.run_steps({N_STEPS})
pickle.dump(sim.data[net.probes[0]], open(sys.argv[1], "wb"))
"""
    subprocess.run([sys.executable, "-c", code, path], check=True)
    np.testing.assert_allclose(pickle.loads(path.read_bytes()), expected, rtol=1e-9)


def test_arguments_for_other_objects(net):
    """Two connected ensembles, made again in another network."""
    with net:
        a = nengo.Ensemble(10, 3, label="a", neuron_type=nengo.Tanh())
        b = nengo.Ensemble(10, 3, label="b", neuron_type=nengo.Tanh())
        ab = nengo.Connection(a, b, transform=0.5, label="ab")
        nengo.Connection(net.node, a)
        nengo.Probe(b.neurons)
    with simulator(net) as sim:
        change_parameters(sim)
        params = sim.get_nengo_params([a, b, ab])
        named = sim.get_nengo_params([a, b, ab], as_dict=True)
        with nengo.Network() as other:
            options = {"neuron_type": nengo.Tanh()}
            c = nengo.Ensemble(10, 3, **options, **params[0])
            d = nengo.Ensemble(10, 3, **options, **named["b"])
            nengo.Connection(c, d, **sim.get_nengo_params(ab))
            weights = sim.data[net.connections[1]].weights
            nengo.Connection(nengo.Node(net.node.output), c, transform=weights)
            nengo.Probe(d.neurons)
        (expected,) = recorded(sim, N_STEPS).values()
    assert [*named] == ["a", "b", "ab"]
    (actual,) = recorded(nengo.Simulator(other, progress_bar=False), N_STEPS).values()
    np.testing.assert_allclose(actual, expected, rtol=1e-9)


def test_labels_must_be_unique(net):
    with net:
        objs = [nengo.Ensemble(5, 1, label="x") for _ in range(2)]
        objs.append(nengo.Ensemble(5, 1))
    with simulator(net) as sim:
        for pair in (objs[:2], objs[2:]):
            with pytest.raises(ValidationError, match="needs a label that no other"):
                sim.get_nengo_params(pair, as_dict=True)


def test_other_objects_are_refused(net):
    with nengo.Network():
        elsewhere = nengo.Ensemble(5, 1)
    with simulator(net) as sim:
        with pytest.raises(ValidationError, match="not in the simulated network"):
            sim.freeze_params([elsewhere])
        with pytest.raises(ValidationError, match="of an Ensemble or a Connection"):
            sim.get_nengo_params(net.node)


def test_what_the_items_of_a_minibatch_have_learned(net):
    with net:
        pre, post = nengo.Ensemble(10, 3), nengo.Node(size_in=3)
        conn = nengo.Connection(pre, post, learning_rule_type=nengo.PES())
        nengo.Connection(net.node, conn.learning_rule)
    rng = np.random.default_rng(0)
    with simulator(net, minibatch_size=2) as sim:
        sim.run_steps(10)
        same = sim.get_nengo_params(conn)["solver"].values
        np.testing.assert_array_equal(same, sim.data[conn].weights[0].T)
        sim.run_steps(10, data={net.node: rng.uniform(size=(2, 10, 3))})
        with pytest.raises(ValidationError, match=r"2 items .* have learned different"):
            sim.freeze_params(net)
    assert isinstance(conn.solver, nengo.solvers.LstsqL2)
