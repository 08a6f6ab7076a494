"""Likely mistakes of new users, and what they are told.

Those that other tests are about are not here again.
"""

import warnings

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf
from nengo.exceptions import SimulationError, ValidationError

import nengo_dl
from nengo_dl_core import Layer, Simulator, TensorNode, configure_settings

X = np.linspace(-1, 1, 4).reshape((4, 1, 1))


@pytest.fixture
def net():
    with nengo.Network(seed=0) as net:
        configure_settings(jit_compile=False)
        net.stimulus = nengo.Node([0.0], label="stimulus")
        net.relay = nengo.Node(size_in=1, label="relay")
        net.hidden = nengo.Ensemble(
            10, 1, neuron_type=nengo.RectifiedLinear(), label="hidden"
        )
        nengo.Connection(net.stimulus, net.relay, synapse=None)
        nengo.Connection(net.relay, net.hidden, synapse=None)
        net.answer = nengo.Probe(net.hidden, label="answer")
    return net


def simulator(net):
    return Simulator(net, minibatch_size=2, progress_bar=False)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X[:, 0], r"'stimulus' have shape \(4, 1\), .* reshape it to \(-1, 1, 1\)"),
        ([[[[1.0]], [[1.0], [2.0]]]], "'stimulus' are no array"),
        ([1.0, 2.0], r"2 arrays .* \['stimulus'\]: a list has one array for each"),
        ({"relay": X}, r"'relay' is no input Node .* \['stimulus'\]"),
    ],
)
def test_data(net, x, message):
    with simulator(net) as sim, pytest.raises(ValidationError, match=message):
        sim.predict(x)


def test_data_for_a_node_that_has_an_input(net):
    with simulator(net) as sim:
        with pytest.raises(ValidationError, match="gets its values from connections"):
            sim.predict({net.relay: X})


def test_numbers_of_classes_without_axis_of_steps():
    with nengo.Network() as net:
        probe = nengo.Probe(nengo.Node([0.0, 0.0]))
    with simulator(net) as sim:
        sim.compile("sgd", loss={probe: "sparse_categorical_crossentropy"})
        with pytest.raises(ValidationError, match=r"reshape it to \(-1, 1, 1\)"):
            sim.fit(np.zeros((4, 1, 2)), np.arange(4) % 2)


@pytest.mark.parametrize(
    "network", [nengo.Network, keras.Sequential([keras.layers.Dense(1)])]
)
def test_something_else_than_a_network(network):
    with pytest.raises(ValidationError, match=r"a nengo.Network, not .*\.net is one"):
        Simulator(network)


def test_data_of_what_has_none(net):
    with simulator(net) as sim:
        for obj in (net.hidden.neurons, "answer"):
            with pytest.raises(ValidationError, match="Probes, Ensembles and Connect"):
                sim.data[obj]


def test_data_after_predict(net):
    with simulator(net) as sim:
        assert sim.data[net.answer].shape == (2, 0, 1)
        sim.predict(X)
        with pytest.warns(UserWarning, match='"answer".*nothing: predict returns'):
            sim.data[net.answer]
        sim.run_steps(3)
        assert sim.data[net.answer].shape == (2, 3, 1)


def test_device_that_tensorflow_has_no_name_for(net):
    with pytest.raises(ValidationError, match=r"there is no 'cuda:0', only .*CPU:0"):
        Simulator(net, device="cuda:0", progress_bar=False)


def test_tensor_layer_of_earlier_releases():
    with pytest.raises(AttributeError, match=r"'tensor_layer': use nengo_dl\.Layer"):
        nengo_dl.tensor_layer  # noqa: B018


class TestTraining:
    @pytest.mark.parametrize("optimizer", ["adamm", tf.compat.v1.train.AdamOptimizer()])
    def test_optimizer(self, net, optimizer):
        with simulator(net) as sim:
            with pytest.raises(
                ValidationError, match=r"of keras\.optimizers .* Adam|m"
            ):
                sim.compile(optimizer, loss="mse")

    def test_loss_in_the_place_of_the_optimizer(self, net):
        with simulator(net) as sim:
            with pytest.raises(ValidationError, match="after the optimizer"):
                sim.compile({net.answer: "mse"})

    def test_inference_only(self, net):
        with net:
            configure_settings(inference_only=True)
        with simulator(net) as sim:
            sim.compile("sgd", loss="mse")
            with pytest.raises(SimulationError, match="inference_only=True"):
                sim.fit(X, X)
            assert set(sim.evaluate(X, X)) == {"loss", "answer_loss"}

    @pytest.mark.parametrize("spiking", [False, True])
    def test_no_gradient(self, net, spiking):
        """The ensemble before a Python function, or of such neurons, does not learn."""
        with net:
            ens = nengo.Ensemble(
                5, 1, neuron_type=nengo.Izhikevich() if spiking else nengo.LIF()
            )
            square = nengo.Node(lambda t, x: x**2, size_in=1, label="square")
            nengo.Connection(net.relay, ens, synapse=None)
            end = ens if spiking else square
            conn = nengo.Connection(ens, square, synapse=None)
            probe = nengo.Probe(end, label="end")
        wall = "Izhikevich|Ensemble" if spiking else "Node 'square'"
        with simulator(net) as sim:
            before = sim.data[ens].bias
            sim.compile(keras.optimizers.SGD(1.0), loss={probe: "mse"})
            with pytest.warns(UserWarning, match=f"No gradient .*({wall})") as warned:
                sim.fit(X, X, verbose=0)
            np.testing.assert_array_equal(sim.data[ens].bias, before)
            assert sim.data[conn].weights.shape == (1, 5)
        assert warned[0].filename == __file__

    def test_python_that_is_no_obstacle(self, net):
        """Nothing to be trained before one function, no loss after the other."""
        with net:
            square = nengo.Node(lambda t, x: x**2, size_in=1)
            sink = nengo.Node(lambda t, x: None, size_in=1, size_out=0)
            nengo.Connection(net.stimulus, square, synapse=None)
            nengo.Connection(square, net.hidden, synapse=None)
            nengo.Connection(net.hidden, sink)
        with simulator(net) as sim, warnings.catch_warnings(action="error"):
            sim.compile("sgd", loss="mse")
            sim.fit(X, X, verbose=0)

    def test_an_array_of_targets_is_for_the_probe_that_has_the_loss(self, net):
        with net:
            last = nengo.Probe(net.relay)
        with simulator(net) as sim:
            sim.compile("sgd", loss={last: "mse"})
            assert sim.evaluate(X, X)["loss"] == 0

    @pytest.mark.parametrize("synapses", [(0.01,), (0.01, 0.02), (None, 0.01)])
    def test_steps_that_synapses_swallow(self, net, synapses):
        with net:
            pre = net.hidden
            for synapse in synapses:
                post = nengo.Node(size_in=1)
                nengo.Connection(pre, post, synapse=synapse)
                pre = post
            probe = nengo.Probe(pre)
        delay = sum(synapse is not None for synapse in synapses)
        with simulator(net) as sim:
            sim.compile("sgd", loss={probe: "mse"})
            for n_steps in (delay, delay + 1):
                x = np.tile(X, (1, n_steps, 1))
                values = sim.predict(x)[probe]
                if n_steps == delay:
                    np.testing.assert_array_equal(values[:1], values[1:2])
                    with pytest.warns(UserWarning, match=f"In {delay} .* by {delay}"):
                        sim.fit(x, X, verbose=0)
                else:
                    assert (values[0, -1] != values[1, -1]).all()
                    with warnings.catch_warnings(action="error"):
                        sim.fit(x, X, verbose=0)


class TestErrorsWithinKeras:
    """What a function raises, or does wrong, is told as in run, not wrapped."""

    @pytest.mark.parametrize("method", ["predict", "fit", "evaluate"])
    def test_node(self, method):
        results = [np.ones(1), None]
        with nengo.Network() as net:
            node = nengo.Node(
                lambda t, x: results[-1], size_in=1, size_out=1, label="forgetful"
            )
            nengo.Connection(nengo.Node([0.0]), node, synapse=None)
            probe = nengo.Probe(node)
        with simulator(net) as sim:
            sim.compile("sgd", loss="mse")
            data = (X,) if method == "predict" else (X, X)
            with warnings.catch_warnings(action="ignore"):  # nothing to be trained
                with pytest.raises(
                    SimulationError, match=r"'forgetful'.*returned None"
                ):
                    getattr(sim, method)(*data)
                results.pop()
                getattr(sim, method)(*data)
            assert (sim.predict(X)[probe] == 1).all()

    def test_shape_of_a_tensor_node(self):
        with nengo.Network() as net:
            node = TensorNode(
                lambda t, x: x, shape_in=(2,), shape_out=(3,), label="mine"
            )
            nengo.Probe(node)
        with simulator(net) as sim:
            with pytest.raises(ValidationError, match=r"'mine'.*\(2, 2\), expected"):
                sim.predict(n_steps=3)

    def test_numpy_in_a_tensor_node(self):
        with nengo.Network() as net:
            nengo.Probe(TensorNode(lambda t, x: np.sin(x), shape_in=(2,), label="np"))
        with simulator(net) as sim:
            with pytest.raises(NotImplementedError, match="NumPy") as raised:
                sim.predict(n_steps=3)
        assert raised.value.__notes__ == ["in the function of <TensorNode 'np'>"]


class TestTensorFlowInside:
    @pytest.mark.parametrize(
        ("func", "options", "message"),
        [
            (lambda x: x, {}, r"pass_time=False leaves the time out"),
            (keras.layers.Dense, {}, "Dense'>: give an instance of it"),
            (nengo.LIF, {"pass_time": False}, "LIF'>: give an instance of it"),
            (keras.layers.Conv1D(2, 3), {"pass_time": False}, r"shape_in=\(9,\)"),
        ],
    )
    def test_function(self, func, options, message):
        with nengo.Network(), pytest.raises(ValidationError, match=message):
            TensorNode(func, shape_in=(9,), **options)

    @pytest.mark.parametrize(
        "x", [np.ones((1, 3)), keras.Input((3,)), Layer(keras.layers.Dense(3))]
    )
    def test_layer_on_something_else(self, x):
        with nengo.Network() as net:
            with pytest.raises(ValidationError, match="must be a Nengo object"):
                Layer(keras.layers.Dense(3))(x)
        assert not net.all_objects

    def test_layer_with_another_shape(self):
        with nengo.Network() as net:
            image = nengo.Node(np.zeros(64), label="image")
            with pytest.raises(ValidationError, match=r"784 elements.*'image'.*64"):
                Layer(keras.layers.Conv2D(2, 3))(image, shape_in=(28, 28, 1))
        assert net.all_objects == [image]


@pytest.mark.parametrize("given", ["a path", None])
def test_restoring_something_else_than_a_state(net, given):
    with simulator(net) as sim:
        with pytest.raises(ValidationError, match="expected what `state` returned"):
            sim.restore(given)


def test_restoring_the_state_of_another_simulation():
    with nengo.Network() as net:
        nengo.Probe(nengo.Ensemble(10, 1).neurons)
    with Simulator(net, minibatch_size=3, progress_bar=False) as sim:
        foreign = sim.state()
    with Simulator(net, minibatch_size=2, progress_bar=False) as sim:
        sim.run_steps(3)
        before = sim.state()
        with pytest.raises(ValidationError, match=r"has \(3, .*expected \(2, .*same"):
            sim.restore(foreign)
        assert sim.state() == before
