"""Parameters that are saved in one configuration, and loaded in another."""

import warnings

import keras
import nengo
import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from nengo.exceptions import BuildError, SimulationError, ValidationError

from nengo_dl_core import Layer, Simulator, configure_settings
from nengo_dl_core.dists import Glorot
from nengo_dl_optimizer import noop_planner
from network_strategies import SEEDS, many, networks
from reference import recorded

N_STEPS = 20


def simulator(net, **options):
    return Simulator(net, progress_bar=False, **{"seed": 0, **options})


def change_parameters(sim):
    """Do what training does: give all parameters other values."""
    rng = np.random.default_rng(0)
    for variable in sim.tensor_graph.trainable_variables:
        value = variable.numpy()
        variable.assign(value * rng.uniform(0.8, 1.2, size=value.shape) + 0.001)


def saved(net, path, **options):
    """Change the parameters of a network, save them, and run it."""
    with simulator(net, **options) as sim:
        change_parameters(sim)
        sim.save_params(path)
        return [*recorded(sim, N_STEPS).values()]


def loaded(net, path, **options):
    with simulator(net, **options) as sim:
        sim.load_params(path)
        return [*recorded(sim, N_STEPS).values()]


def assert_same(actual, expected):
    for ours, theirs in zip(actual, expected, strict=True):
        peak = np.abs(theirs).max(initial=1e-6)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9 * peak)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "parameters.npz"


def unseeded(
    label=None, n_neurons=20, synapse=0.01, neuron_type=nengo.LIFRate, **kwargs
):
    """What Nengo draws at random and solves for, without a seed."""
    with nengo.Network() as net:
        configure_settings(dtype="float64", jit_compile=False, **kwargs)
        node = nengo.Node([0.5, -0.3])
        options = {"neuron_type": neuron_type(), "label": label}
        a, b, c = (nengo.Ensemble(n_neurons, 2, **options) for _ in range(3))
        nengo.Connection(node, a)
        nengo.Connection(a, b, function=np.square, transform=0.7, synapse=synapse)
        nengo.Connection(a.neurons, c.neurons[::2], transform=Glorot(), synapse=None)
        nengo.Connection(b, c.neurons, transform=Glorot(), synapse=None)
        for target in (b, b[1], c, c.neurons):
            nengo.Probe(target, synapse=0.01)
    return net


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"planner": noop_planner, "simplifications": []},
        {"trainable": False},
    ],
)
def test_networks_without_seeds(path, settings):
    expected = saved(unseeded(), path)
    assert_same(loaded(unseeded(**settings), path), expected)
    twice = loaded(unseeded(**settings), path, minibatch_size=2)
    assert_same([x[1] for x in twice], expected)


def test_what_is_loaded_is_in_data_and_frozen_networks(path):
    np.random.seed(0)  # noqa: NPY002 # Nengo draws from it
    first, second = unseeded(), unseeded()
    with simulator(first) as sim:
        change_parameters(sim)
        sim.save_params(path)
        ours = [sim.get_nengo_params(x) for x in first.ensembles + first.connections]
        weights = [sim.data[conn].weights for conn in first.connections]
        neurons = sim.data[first.ensembles[2]]
        expected = [*recorded(sim, N_STEPS).values()]
    with simulator(second) as sim:
        sim.load_params(path)
        theirs = [
            sim.get_nengo_params(x) for x in second.ensembles + second.connections
        ]
        for conn, value in zip(second.connections, weights, strict=True):
            np.testing.assert_array_equal(sim.data[conn].weights, value)
        for name in ("gain", "bias"):
            value = getattr(sim.data[second.ensembles[2]], name)
            np.testing.assert_allclose(value, getattr(neurons, name), rtol=1e-12)
        sim.freeze_params(second)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one.get("bias"), other.get("bias"))
    reference = recorded(nengo.Simulator(second, progress_bar=False), N_STEPS)
    assert_same(reference.values(), expected)


def test_what_no_probe_depends_on_is_kept(path):
    """A file goes through a network that simulates only a part."""
    options = {"neuron_type": nengo.RectifiedLinear}  # whose rates are finite
    expected = saved(unseeded(**options), path)
    part = unseeded(**options)
    part.probes[1:] = []
    with simulator(part, minibatch_size=2) as sim:
        sim.load_params(path)
        sim.save_params(path)
        sim.freeze_params(part)
    whole = unseeded(**options)
    with simulator(whole) as sim:
        with pytest.warns(UserWarning, match=r"does not have 'ensembles\[.\]\.probed"):
            sim.load_params(path)
        gain = sim.data[whole.ensembles[2]].gain
        actual = [*recorded(sim, N_STEPS).values()]
    np.testing.assert_allclose(part.ensembles[2].gain, gain, rtol=1e-12)
    assert_same(actual[::3], expected[::3])


def test_encoders_without_effect_are_not_saved(path):
    saved(unseeded(label="x"), path)
    with np.load(path) as file:
        names = set(file.files)
    assert {f"ensembles[{i}:x].encoders" for i in range(3)} & names == {
        "ensembles[0:x].encoders",
        "ensembles[1:x].encoders",
    }
    assert {f"ensembles[{i}:x].gain" for i in range(3)} & names == {
        "ensembles[2:x].gain"
    }


def test_other_labels(path):
    expected = saved(unseeded(label="one"), path)
    assert_same(loaded(unseeded(label="other"), path), expected)


def two(*labels):
    with nengo.Network() as net:
        configure_settings(dtype="float64", jit_compile=False)
        for label in labels:
            rectified = nengo.RectifiedLinear()  # whose rates are finite, however low
            ens = nengo.Ensemble(5, 1, label=label, neuron_type=rectified)
            nengo.Probe(ens.neurons)
    return net


def test_labels_that_are_counted_on(path):
    """As Keras does, which numbers layers of a type in the order of their creation."""
    with simulator(two("dense", "dense_1")) as sim:
        sim.save_params(path)
        biases = [sim.data[x].bias for x in sim.model.toplevel.ensembles]
    with simulator(two("dense_1", "dense_2")) as sim:
        sim.load_params(path)
        for ens, bias in zip(sim.model.toplevel.ensembles, biases, strict=True):
            np.testing.assert_allclose(sim.data[ens].bias, bias, rtol=1e-12)


@pytest.mark.parametrize("labels", [("a", "b"), ("a_1", "a_2")])
def test_labels_that_have_changed_places_are_refused(path, labels):
    saved(two(*labels), path)
    with pytest.raises(
        ValidationError, match=r"'ensembles\[0:.*\].bias' is not in the"
    ):
        loaded(two(*labels[::-1]), path)


def test_other_probes(path):
    """Decoders of Probes belong to what they probe; others are asked about."""
    expected = saved(unseeded(), path)
    net = unseeded()
    net.probes.reverse()
    assert_same(loaded(net, path), expected[::-1])
    with net:
        nengo.Probe(net.ensembles[0])
    with pytest.warns(UserWarning, match=r"'ensembles\[0\].probed': these decoders"):
        assert_same(loaded(net, path)[:-1], expected[::-1])


def test_sparse_weights_at_other_places(path):
    def sparse(column):
        with nengo.Network(seed=0) as net:
            node, relay = nengo.Node([1.0, 2.0]), nengo.Node(size_in=2)
            transform = nengo.Sparse((2, 2), [[0, column]], [0.5])
            nengo.Connection(node, relay, transform=transform)
            nengo.Probe(relay)
        return net

    saved(sparse(0), path)
    with pytest.raises(ValidationError, match="rows and columns of sparse weights"):
        loaded(sparse(1), path)


def test_gains_that_cannot_be_taken_over(path):
    def learning(seed, **options):
        with nengo.Network() as net:
            node, ens = nengo.Node([1.0]), nengo.Ensemble(5, 1, seed=seed, **options)
            nengo.Connection(node, ens, learning_rule_type=nengo.Voja())
            nengo.Connection(node, ens.neurons, transform=np.ones((5, 1)))
        return net

    saved(learning(0), path)
    with pytest.raises(ValidationError, match="a learning rule uses it"):
        loaded(learning(1), path)
    with pytest.raises(ValidationError, match="not what the network gives"):
        loaded(learning(0, gain=np.ones(5), bias=np.ones(5)), path)


class TestScaledFiringRates:
    """Neurons that say the same with more spikes."""

    def network(self, scale):
        with nengo.Network(seed=0) as net:
            configure_settings(dtype="float64", firing_rate_scale=None)
            node = nengo.Node([0.5])
            ens = nengo.Ensemble(
                10,
                1,
                gain=np.full(10, scale),
                bias=np.linspace(-0.2, 0.5, 10) * scale,
                neuron_type=nengo.RectifiedLinear(amplitude=1 / scale),
            )
            net.config[ens].firing_rate_scale = scale
            nengo.Connection(node, ens, synapse=None)
            transform = np.linspace(-1, 1, 10)[:, None]
            nengo.Connection(node, ens.neurons, transform=transform, synapse=None)
            net.probe = nengo.Probe(ens.neurons)
        return net

    def test_run_as_in_the_reference(self):
        net = self.network(50.0)
        expected = recorded(nengo.Simulator(net, progress_bar=False), N_STEPS)
        assert_same(recorded(simulator(net), N_STEPS).values(), expected.values())

    @pytest.mark.parametrize("scales", [(1.0, 50.0), (50.0, 1.0), (3.0, 7.0)])
    def test_load_each_other(self, path, scales):
        one, other = map(self.network, scales)
        with simulator(one) as sim:
            change_parameters(sim)
            sim.save_params(path)
            bias = sim.data[one.ensembles[0]].bias / scales[0]
            expected = [*recorded(sim, N_STEPS).values()]
        with simulator(other) as sim:
            sim.load_params(path)
            present = sim.data[other.ensembles[0]].bias
            np.testing.assert_allclose(present, bias * scales[1], rtol=1e-12)
            assert_same(recorded(sim, N_STEPS).values(), expected)

    def test_biases_are_trained_alike(self):
        biases = []
        for scale in (1.0, 50.0):
            net = self.network(scale)
            with net:
                configure_settings(trainable=None)
            net.config[net.ensembles[0]].trainable = False  # encoders have the scale
            net.config[net.ensembles[0].neurons].trainable = True
            with simulator(net, minibatch_size=4) as sim:
                sim.compile(keras.optimizers.SGD(0.1), loss="mse")
                sim.fit(np.ones((4, 1, 1)), np.ones((4, 1, 10)), epochs=2, verbose=0)
                biases.append(sim.data[net.ensembles[0]].bias / scale)
        np.testing.assert_allclose(*biases, rtol=1e-9)


class TestFilesOfNengoDL3:
    """Arrays by position, of what is trained."""

    def network(self, sizes=(10, 20)):
        with nengo.Network(seed=0) as net:
            configure_settings(dtype="float64")
            node = nengo.Node([0.5, 0.1])
            ens = nengo.Ensemble(sizes[0], 2)
            nengo.Connection(node, ens, transform=0.3)
            last = nengo.Ensemble(sizes[1], 1)
            nengo.Connection(ens.neurons, last.neurons, transform=Glorot())
            nengo.Probe(last.neurons)
        return net

    def test_shapes_tell_the_order(self, path):
        expected = saved(self.network(), path)
        with np.load(path) as file:
            arrays = [x for name, x in file.items() if name.split(".")[-1] != "gain"]
        arrays = [np.atleast_1d(x) for x in arrays[::-1]]
        np.savez(path, *arrays)
        assert_same(loaded(self.network(), path), expected)

    def test_shapes_leave_doubt(self, path):
        arrays = [np.ones(10), np.ones((10, 2)), np.ones(1), np.ones(10), np.eye(10)]
        np.savez(path, *arrays)
        with pytest.raises(ValidationError, match=r"several are of shape \(10,\)"):
            loaded(self.network((10, 10)), path)

    def test_joined_arrays(self, path):
        arrays = [np.ones(30), np.ones((10, 2)), np.ones(1), np.ones((20, 10))]
        np.savez(path, *arrays)
        with pytest.raises(ValidationError, match=r"shapes .*\(30,\).* NengoDL 3"):
            loaded(self.network(), path)


def test_layers_beside_ensembles(path):
    def layered():
        with nengo.Network() as net:
            configure_settings(dtype="float64")
            node = nengo.Node([0.5, -0.3])
            x = Layer(keras.layers.Dense(5))(node)
            nengo.Probe(Layer(nengo.LIFRate())(x, transform=Glorot()))
        return net

    expected = saved(layered(), path)
    assert_same(loaded(layered(), path), expected)


def without_seeds(net):
    """A copy of a network, whose neurons are drawn anew."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'Node.size_out' is being overwritten")
        net = net.copy()
    for obj in (net, *net.all_networks, *net.all_objects):
        obj.seed = None
    for ens in net.all_ensembles:  # the initial voltage is drawn, too, but no parameter
        state = ens.neuron_type.__getstate__()
        state.pop("_FrozenObject__argreprs", None)
        zeros = {name: nengo.dists.Choice([0]) for name in ens.neuron_type.state}
        kind = object.__new__(type(ens.neuron_type))
        kind.__setstate__(state | {"initial_state": zeros} if zeros else state)
        ens.neuron_type = kind
    return net


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # some random networks diverge
def test_random_networks(tmp_path):
    path, compared, refused = tmp_path / "parameters.npz", [], []

    @many(25)
    @given(
        networks(python=False),
        st.booleans(),
        st.sampled_from([None, noop_planner]),
        st.sampled_from([None, []]),
        st.sampled_from([None, 2]),
        st.sampled_from([None, False]),
        SEEDS,
    )
    def check(net, seeds, planner, simplifications, minibatch_size, trainable, seed):
        one, other = (net, net) if seeds else map(without_seeds, (net, net))
        np.random.seed(seed)  # noqa: NPY002 # Nengo draws from it
        with one:
            configure_settings(dtype="float64", jit_compile=False)
        try:
            expected = saved(one, path)
        except (BuildError, SimulationError):  # no decoders; it diverges
            reject()
        with other:
            configure_settings(
                dtype="float64",
                jit_compile=False,
                planner=planner,
                simplifications=simplifications,
                trainable=trainable,
            )
        try:
            actual = loaded(other, path, minibatch_size=minibatch_size)
        except (BuildError, SimulationError):
            reject()
        except ValidationError as error:
            refused.append(str(error))
            reject()
        for ours, theirs in zip(actual, expected, strict=True):
            if not np.isfinite(theirs).all():
                reject()
            ours = ours[0] if minibatch_size else ours
            scale = 1e-7 * np.abs(theirs).max(initial=1e-6)
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=scale)
        compared.append(seeds)

    check()
    assert all("a learning rule uses it" in reason for reason in refused)
    assert {*compared} == {True, False}  # with seeds, and without
