"""TensorFlow functions and Keras layers as parts of a network."""

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf
from nengo.exceptions import SimulationError, ValidationError

from nengo_dl_core import Simulator, TensorNode, configure_settings
from reference import assert_same, reference_data, simulated_data


def simulator(net, **options):
    return Simulator(net, progress_bar=False, **options)


def applied(func, **options):
    """A network that applies a TensorNode to sines, and what goes in."""
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        node = TensorNode(func, **options)
        frequencies = np.arange(1, node.size_in + 1)
        if node.size_in:
            stimulus = nengo.Node(lambda t: np.sin(t * frequencies))
            nengo.Connection(stimulus, node, synapse=None)
        net.probe = nengo.Probe(node)
    net.times = 0.001 * np.arange(1, 11)
    net.x = np.sin(np.outer(net.times, frequencies))
    return net


def output(net, **options):
    return simulated_data(net, [10], **options)[net.probe]


class TestFunctions:
    def test_equal_the_nodes_of_the_reference(self):
        nets = []
        for make_node in (
            lambda: nengo.Node(lambda t, x: np.tanh(x) * t, size_in=3),
            lambda: TensorNode(lambda t, x: tf.tanh(x) * t, shape_in=(3,)),
        ):
            with nengo.Network(seed=0) as net:
                configure_settings(dtype="float64")
                ens = nengo.Ensemble(30, 3)
                node = make_node()
                nengo.Connection(ens, node)
                nengo.Connection(node[:2], ens[1:], function=lambda x: x + 0.1)
                nengo.Connection(node, ens, synapse=0.01)
                nengo.Probe(node)
                nengo.Probe(ens, synapse=0.01)
            nets.append(net)
        reference, net = nets
        expected = reference_data(reference, [200]).values()
        expected = dict(zip(net.probes, expected, strict=True))
        assert_same(simulated_data(net, [200], unroll_simulation=3), expected)

    def test_shapes(self):
        seen = []

        def function(t, x):
            seen.append((t.shape, x.shape))
            return tf.reduce_sum(x, axis=1)

        net = applied(function, shape_in=(2, 3))
        (node,) = (node for node in net.nodes if isinstance(node, TensorNode))
        assert seen == [((), (1, 2, 3))]
        assert (node.size_in, node.shape_out, node.size_out) == (6, (3,), 3)
        values = output(net, minibatch_size=4)
        assert set(seen[1:]) == {((), (4, 2, 3))}
        expected = net.x.reshape((10, 2, 3)).sum(axis=1)
        np.testing.assert_allclose(values, [expected] * 4, atol=1e-12)

    def test_time(self):
        net = applied(lambda t: tf.fill((1, 2), t), shape_out=(2,))
        values = output(net, minibatch_size=3)
        np.testing.assert_allclose(values, np.tile(net.times[:, None], (3, 1, 2)))

    def test_minibatch_of_a_function_of_time(self):
        """The only way to have other values for each item."""
        net = applied(lambda t: t * tf.range(6, dtype=t.dtype)[:, None, None])
        (node,) = net.nodes
        assert (node.shape_out, node.size_out) == ((1, 1), 1)
        values = output(net, minibatch_size=6)
        np.testing.assert_allclose(values[..., 0], np.outer(np.arange(6), net.times))

    def test_neither_time_nor_input(self):
        net = applied(lambda: tf.constant([[1.0, 2.0]]), pass_time=False)
        np.testing.assert_array_equal(output(net), [[1, 2]] * 10)

    def test_other_types_are_converted(self):
        net = applied(lambda t, x: tf.argmax(x, axis=1)[:, None], shape_in=(3,))
        np.testing.assert_array_equal(output(net), net.x.argmax(axis=1)[:, None])

    def test_variable_of_a_function_is_live(self):
        variable = tf.Variable(1.0, dtype=tf.float64)
        net = applied(lambda t, x: x + variable, shape_in=(2,))
        with simulator(net) as sim:
            sim.run_steps(1)
            variable.assign(2.0)
            sim.run_steps(1)
            expected = net.x[:2] + np.array([[1], [2]])
            np.testing.assert_allclose(sim.data[net.probe], expected, atol=1e-12)

    @pytest.mark.parametrize("length", [None, 3])
    def test_what_cannot_be_compiled_runs_uncompiled(self, length):
        """NumPy within TensorFlow, for one, whose result has no known shape."""

        def function(t, x):
            y = tf.numpy_function(np.sort, [x], x.dtype)
            return y if length is None else tf.reshape(y, (-1, length))

        net = applied(function, shape_in=(3,))
        with simulator(net) as sim:
            (op,) = sim.program.builder.not_compilable(sim.program.memory.environment())
            assert op.func is function
            sim.run_steps(10)
            values = sim.data[net.probe]
        np.testing.assert_allclose(values, np.sort(net.x), atol=1e-12)

    def test_gradient(self):
        net = applied(lambda t, x: x**2, shape_in=(2,))
        with simulator(net) as sim:
            x = tf.Variable(net.x[None])
            inputs = {"node": x, "n_steps": tf.constant([[10]])}
            with tf.GradientTape() as tape:
                (y,) = sim.keras_model(inputs).values()
            np.testing.assert_allclose(tape.gradient(y, x), 2 * x, atol=1e-12)


class TestErrors:
    @pytest.mark.parametrize(
        ("func", "options", "message"),
        [
            (3, {}, "function or a Keras layer, not 3"),
            (lambda t, x: x, {}, "the time, or did not"),
            (lambda t: t, {"shape_in": (2,)}, "the time and an input"),
            (lambda t, x: None, {"shape_in": (2,)}, "did not return a tensor"),
            (lambda t, x: x[0], {"shape_in": (2,)}, r"shape \(2,\).*minibatch of one"),
            (lambda t: t, {}, r"shape \(\) for a minibatch of one"),
            (keras.Sequential([keras.Input((1,))]), {"shape_in": (1,)}, "the time and"),
        ],
    )
    def test_at_construction(self, func, options, message):
        with nengo.Network() as net:
            with pytest.raises(ValidationError, match=message):
                TensorNode(func, **options)
            assert not net.nodes

    @pytest.mark.parametrize("func", [lambda x: x, keras.layers.Dense(2)])
    def test_output_that_does_not_fit(self, func):
        net = applied(func, shape_in=(2,), shape_out=(3,), pass_time=False)
        with simulator(net) as sim:
            with pytest.raises(
                ValidationError, match=r"shape \(1, 2\), expected 1 items"
            ):
                sim.run_steps(1)

    def test_minibatch_of_another_size(self):
        net = applied(lambda t: tf.fill((3, 2), t))
        with simulator(net, minibatch_size=4) as sim:
            with pytest.raises(ValidationError, match=r"\(3, 2\), expected 4 items"):
                sim.run_steps(1)

    def test_layer_that_cannot_be_called(self):
        net = applied(keras.layers.Conv1D(3, 2), shape_in=(2,), shape_out=(3,))
        with pytest.raises(ValidationError, match=r"<TensorNode.*shape \(\), \(1, 2\)"):
            simulator(net)

    def test_errors_name_the_node(self):
        with nengo.Network() as net:
            TensorNode(lambda t, x: np.sin(x), shape_in=(1,), label="numpy")
        with Simulator(net, progress_bar=False) as sim:
            with pytest.raises(NotImplementedError) as raised:
                sim.step()
            (note,) = raised.value.__notes__
            assert note == "in the function of <TensorNode 'numpy'>"

    def test_reference_simulator_refuses(self):
        net = applied(lambda t, x: x, shape_in=(2,))
        with pytest.raises(SimulationError, match=r"TensorNode.*nengo_dl\.Simulator"):
            nengo.Simulator(net, progress_bar=False)

    def test_old_sizes_are_deprecated(self):
        with nengo.Network():
            with pytest.warns(DeprecationWarning, match=r"shape_in=\(2,\)") as record:
                node = TensorNode(lambda t, x: x, size_in=2)
            assert record[0].filename == __file__
            assert node.shape_in == (2,)
            with pytest.raises(ValidationError, match="give shape_in, not size_in"):
                TensorNode(lambda t, x: x, shape_in=(2,), size_in=2)


def function_of_module(t, x):
    return x + t


def test_copies_of_a_network():
    net = applied(function_of_module, shape_in=(2,))
    expected = output(net)
    copied = net.copy()
    (probe,) = copied.probes
    np.testing.assert_array_equal(simulated_data(copied, [10])[probe], expected)


class Counting(keras.layers.Layer):
    """Reads its inputs from a list, and what it is called with from a test."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.calls = []

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(), initializer="ones")

    def call(self, inputs, training=None):
        t, x = inputs
        self.calls.append((t.shape, x.shape, training))
        return self.factor * x + t


def test_nothing_is_called_where_the_shape_of_the_output_is_given():
    layer = Counting(dtype="float64")
    net = applied(layer, shape_in=(2, 1), shape_out=(2, 1))
    assert not layer.calls
    assert not layer.built
    values = output(net, minibatch_size=4)
    assert set(layer.calls) == {((), (4, 2, 1), False)}
    np.testing.assert_allclose(values, [net.x + net.times[:, None]] * 4, atol=1e-12)


def test_weights_that_a_simulator_makes_are_trained():
    layers = [Counting(dtype="float64") for _ in range(2)]
    trained = []
    for layer, options in zip(layers, ({}, {"shape_out": (2,)}), strict=True):
        net = applied(layer, shape_in=(2,), **options)
        x = np.random.default_rng(0).normal(size=(4, 3, 2))
        with simulator(net, minibatch_size=4) as sim:
            sim.compile(keras.optimizers.SGD(0.1), loss="mse")
            sim.fit(x, np.zeros((4, 3, 2)), verbose=0)
            (weight,) = sim.keras_model.trainable_weights
            trained.append(weight.numpy())
            assert layer.factor.numpy() == 1
    assert trained[0] == trained[1] != 1


class TestKerasLayers:
    def test_equals_the_layer(self):
        layer = keras.layers.Conv2D(3, 2, activation="relu", dtype="float64")
        net = applied(layer, shape_in=(4, 5, 1), pass_time=False)
        expected = layer(net.x.reshape((10, 4, 5, 1))).numpy()
        np.testing.assert_allclose(output(net), expected.reshape((10, -1)), atol=1e-12)

    def test_layers_compute_in_their_own_type(self):
        layer = keras.layers.Rescaling(1 / 3, dtype="float32")
        net = applied(layer, shape_in=(4,), pass_time=False)
        x = net.x.astype(np.float32)
        np.testing.assert_array_equal(output(net), x * np.float32(1 / 3))

    def test_every_simulator_has_its_own_weights(self):
        layer = keras.layers.Dense(3, use_bias=False, dtype="float64")
        net = applied(layer, shape_in=(2,), pass_time=False)
        initial = layer.get_weights()[0]
        with simulator(net) as sim:
            (weight,) = sim.keras_model.trainable_weights
            np.testing.assert_array_equal(weight, initial)
            sim.run_steps(5)
            weight.assign(2 * initial)
            sim.run_steps(5)
            factors = np.repeat([[1], [2]], 5, axis=0)
            np.testing.assert_allclose(
                sim.data[net.probe], factors * (net.x @ initial), atol=1e-12
            )
            sim.reset()
            np.testing.assert_array_equal(weight, initial)
        np.testing.assert_array_equal(layer.get_weights()[0], initial)
        np.testing.assert_allclose(output(net), net.x @ initial, atol=1e-12)

    def test_shared_layers_share_their_weights(self):
        layer = keras.layers.Dense(3)
        with nengo.Network() as net:
            for _ in range(2):
                TensorNode(layer, shape_in=(2,), pass_time=False)
        with simulator(net) as sim:
            assert len(sim.tensor_graph.trainable_weights) == 2

    def test_training(self):
        model = keras.Sequential(
            [
                keras.layers.Dense(4, kernel_regularizer="l2"),
                keras.layers.BatchNormalization(),
                keras.layers.Dropout(0.5),
                keras.layers.Dense(3, trainable=False),
            ]
        )
        net = applied(model, shape_in=(2,), pass_time=False)
        original = [weight.numpy() for weight in model.variables]
        with simulator(net, minibatch_size=8) as sim:
            own = sim.tensor_graph.held.layer_weights.own
            before = [own(weight).numpy() for weight in model.variables]
            assert len(sim.keras_model.trainable_weights) == 4
            assert len(sim.keras_model.losses) == 1
            sim.compile(optimizer="sgd", loss="mse")
            x = np.random.default_rng(0).normal(size=(8, 3, 2))
            sim.fit(x, np.ones((8, 3, 3)), verbose=0)
            unchanged = [
                weight.path
                for weight, old in zip(model.variables, before, strict=True)
                if np.array_equal(own(weight), old)
            ]
            # statistics of the normalisation and seed of the dropout have changed too
            assert unchanged == [weight.path for weight in model.layers[-1].variables]
            sim.reset()
            for weight, old in zip(model.variables, before, strict=True):
                np.testing.assert_array_equal(own(weight), old)
        for weight, old in zip(model.variables, original, strict=True):
            np.testing.assert_array_equal(weight, old)

    def test_weights_are_saved_and_loaded(self, tmp_path):
        net = applied(keras.layers.Dense(3), shape_in=(2,), pass_time=False)
        path = str(tmp_path / "params")
        with simulator(net) as sim:
            _, bias = sim.keras_model.trainable_weights
            bias.assign([1, 2, 3])
            sim.run_steps(5)
            expected = np.array(sim.data[net.probe])
            sim.save_params(path)
        with simulator(net) as sim:
            sim.load_params(path)
            sim.run_steps(5)
            np.testing.assert_array_equal(sim.data[net.probe], expected)

    def test_in_predictions(self):
        layer = keras.layers.Dense(3, dtype="float64")
        net = applied(layer, shape_in=(2,), pass_time=False)
        x = np.random.default_rng(0).normal(size=(6, 4, 2))
        with simulator(net, minibatch_size=3) as sim:
            values = sim.predict(x)[net.probe]
        np.testing.assert_allclose(values, layer(x), atol=1e-12)
