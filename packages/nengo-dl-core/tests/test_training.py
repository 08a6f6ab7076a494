"""compile, fit and evaluate, compared with Keras and with arithmetic."""

import gc
import weakref

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf
from nengo.exceptions import ValidationError

from nengo_dl_core import Simulator, TensorNode, configure_settings


@pytest.fixture
def net():
    """Two outputs of one input, computed by multiplication alone."""
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64", jit_compile=False)
        net.node = nengo.Node([0.0, 0.0], label="input")
        first, second = nengo.Node(size_in=1), nengo.Node(size_in=2)
        nengo.Connection(net.node, first, transform=[[2.0, 1.0]], synapse=None)
        nengo.Connection(net.node, second, transform=3.0, synapse=None)
        net.first = nengo.Probe(first, label="first")
        net.second = nengo.Probe(second, label="second")
    return net


@pytest.fixture
def data(net):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(7, 3, 2))
    return x, {net.first: x[..., :1], net.second: rng.normal(size=(7, 3, 2))}


def simulator(net, minibatch_size=3):
    return Simulator(net, minibatch_size=minibatch_size, progress_bar=False)


def mse(y, prediction):
    return np.mean((y - prediction) ** 2)


class TestEvaluate:
    def test_losses_of_all_probes(self, net, data):
        x, y = data
        with simulator(net) as sim:
            sim.compile(loss="mse", metrics={net.second: ["mae"]}, loss_weights=[2, 1])
            results = sim.evaluate(x, y, batch_size=3)
            predicted = sim.predict(x)
        first = mse(y[net.first], predicted[net.first])
        second = mse(y[net.second], predicted[net.second])
        mae = np.abs(y[net.second] - predicted[net.second]).mean()
        assert set(results) == {"loss", "first_loss", "second_loss", "second_mae"}
        assert results["first_loss"] == pytest.approx(first, rel=1e-5)
        assert results["second_loss"] == pytest.approx(second, rel=1e-5)
        assert results["second_mae"] == pytest.approx(mae, rel=1e-5)
        assert results["loss"] == pytest.approx(2 * first + second, rel=1e-5)

    def test_arguments_in_the_order_of_keras(self, net, data):
        x, y = data
        with simulator(net) as sim:
            sim.compile("sgd", {net.first: "mse"}, [2.0], {net.second: ["mae"]})
            results = sim.evaluate(x, y)
        assert set(results) == {"loss", "first_loss", "second_mae"}
        assert results["loss"] == pytest.approx(2 * results["first_loss"], rel=1e-5)

    def test_a_single_probe_is_named_too(self, net, data):
        x, y = data
        with simulator(net, 7) as sim:
            sim.compile(
                loss={"first": keras.losses.MeanAbsoluteError()},
                metrics={net.first: "mse"},
            )
            results = sim.evaluate({"input": x}, {"first": y[net.first]})
            expected = sim.predict(x)[net.first]
        assert set(results) == {"loss", "first_loss", "first_mse"}
        assert results["first_mse"] == pytest.approx(
            mse(y[net.first], expected), rel=1e-5
        )

    def test_padding_has_no_weight(self, net, data):
        x, y = data
        with simulator(net, minibatch_size=9) as sim:
            sim.compile(loss={net.first: "mse"}, metrics={net.first: "mse"})
            results = sim.evaluate(x, {net.first: y[net.first]})
            expected = mse(y[net.first], sim.predict(x)[net.first])
        assert results["loss"] == pytest.approx(expected, rel=1e-5)
        assert results["first_mse"] == pytest.approx(expected, rel=1e-5)

    @pytest.mark.parametrize("by_name", [False, True])
    @pytest.mark.parametrize("shape", [(7,), (7, 1), (7, 3)])
    def test_sample_weight(self, net, data, shape, by_name):
        x, y = data
        weight = np.random.default_rng(1).uniform(size=shape)
        with simulator(net, minibatch_size=4) as sim:
            sim.compile(loss={net.first: "mse"}, metrics={net.first: "mse"})
            target = {net.first: y[net.first]}
            given = {"first": weight} if by_name else weight
            results = sim.evaluate(x, target, sample_weight=given)
            error = (y[net.first] - sim.predict(x)[net.first])[..., 0] ** 2
        expected = (error * weight.reshape(7, -1)).mean()
        assert results["loss"] == pytest.approx(expected, rel=1e-5)
        assert results["first_mse"] == pytest.approx(error.mean(), rel=1e-5)

    def test_compiling_again_replaces_everything(self, net, data):
        x, y = data
        with simulator(net) as sim:
            sim.compile(loss="mse", metrics=["mae", "mae"])
            sim.compile(loss={net.second: "mae"})
            results = sim.evaluate(x, {net.second: y[net.second]})
        assert set(results) == {"loss", "second_loss"}

    def test_weighted_metrics_and_weights_of_losses(self, net, data):
        x, y = data
        weight = np.arange(7.0)
        with simulator(net, minibatch_size=7) as sim:
            sim.compile(
                loss={"second": "mse", "first": "mae"},
                loss_weights=[0.5, 3],
                weighted_metrics={"second": ["mae"]},
            )
            results = sim.evaluate(x, y, sample_weight={net.second: weight})
            error = np.abs(y[net.second] - sim.predict(x)[net.second]).mean((1, 2))
        mean = (error * weight).sum() / weight.sum()
        assert results["second_mae"] == pytest.approx(mean, rel=1e-5)
        total = 0.5 * results["second_loss"] + 3 * results["first_loss"]
        assert results["loss"] == pytest.approx(total, rel=1e-5)

    def test_metrics_of_a_single_probe(self):
        with nengo.Network() as net:
            nengo.Probe(nengo.Node([1.0, 2.0]), label="only")
        with simulator(net) as sim:
            sim.compile(loss="mse", metrics=["mae", keras.metrics.MeanSquaredError()])
            results = sim.evaluate(y=np.zeros((3, 2, 2)), n_steps=2)
        assert results == pytest.approx(
            {
                "loss": 2.5,
                "only_loss": 2.5,
                "only_mae": 1.5,
                "only_mean_squared_error": 2.5,
            }
        )

    def test_targets_of_the_last_steps(self, net, data):
        x, y = data
        last = {net.first: y[net.first][:, -1:], net.second: y[net.second][:, -2:]}
        with simulator(net) as sim:
            sim.compile(loss="mse", metrics=["mse", "mae"])
            with pytest.raises(ValidationError, match="expected"):
                sim.evaluate(x, last)
            last[net.second] = last[net.second][:, -1:]
            results = sim.evaluate(x, last)
            predicted = sim.predict(x)
            with pytest.raises(ValidationError, match="'first' have 4 steps, but the"):
                sim.evaluate(x, [np.zeros((7, 4, 1)), np.zeros((7, 4, 2))])
        for name in ("first_loss", "first_mse"):
            expected = mse(last[net.first], predicted[net.first][:, -1:])
            assert results[name] == pytest.approx(expected, rel=1e-5)

    def test_labels_and_weights_of_classes(self):
        with nengo.Network() as net:
            configure_settings(dtype="float64")
            node, output = nengo.Node(np.zeros(3)), nengo.Node(size_in=3)
            nengo.Connection(node, output, synapse=None, transform=np.ones(3))
            probe = nengo.Probe(output, label="class")
        logits = np.random.default_rng(0).normal(size=(8, 2, 3))
        labels = np.random.default_rng(1).integers(3, size=(8, 2, 1))
        one_hot = np.eye(3)[labels[..., 0]]
        class_weight = {0: 2.0, 2: 0.5}
        errors = np.log(np.exp(logits).sum(-1)) - (logits * one_hot).sum(-1)
        weighted = errors * np.array([2.0, 1, 0.5])[labels[..., 0]]
        with simulator(net, minibatch_size=8) as sim:
            for target, loss in (
                (labels, keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
                (one_hot, keras.losses.CategoricalCrossentropy(from_logits=True)),
            ):
                sim.compile("sgd", loss=loss, metrics="accuracy")
                results = sim.evaluate(logits, {probe: target})
                assert results["loss"] == pytest.approx(errors.mean(), rel=1e-5)
                correct = logits.argmax(-1) == labels[..., 0]
                assert results["class_accuracy"] == pytest.approx(correct.mean())
                history = sim.fit(  # of one minibatch, before which nothing is trained
                    logits, target, class_weight=class_weight, verbose=0
                ).history
                assert history["loss"][0] == pytest.approx(weighted.mean(), rel=1e-5)
                assert history["class_accuracy"][0] == pytest.approx(correct.mean())
                sim.reset()

    @pytest.mark.filterwarnings("ignore:Your input ran out of data")  # as in Keras
    @pytest.mark.parametrize("kind", ["dataset", "generator", "list", "sequence"])
    def test_data_that_is_made_on_the_way(self, net, data, kind):
        """The last of three minibatches has one sample only."""
        x, y = data
        given = {"input": x, "n_steps": np.full((7, 1), 3, np.int32)}
        target = {"first": y[net.first]}
        weight = np.arange(7.0)

        def minibatch(i):
            part = slice(3 * i, 3 * i + 3)
            batch = {name: value[part] for name, value in given.items()}
            if kind == "list":
                return (*batch.values(),), (y[net.first][part],), weight[part]
            return batch, {"first": y[net.first][part]}, weight[part]

        class Minibatches(keras.utils.PyDataset):
            def __len__(self):
                return 3

            def __getitem__(self, i):
                return minibatch(i)

        dataset = tf.data.Dataset.from_tensor_slices((given, target, weight)).batch(3)

        def made():
            if kind == "dataset":
                return dataset
            if kind == "sequence":
                return Minibatches()
            return (minibatch(i) for i in range(3))

        with simulator(net) as sim:
            sim.compile("sgd", loss={net.first: "mse"}, metrics={net.first: "mse"})
            expected = sim.evaluate(x, {net.first: y[net.first]}, sample_weight=weight)
            assert sim.evaluate(made()) == pytest.approx(expected, rel=1e-5)
            predicted = sim.predict(made())[net.second]
            np.testing.assert_allclose(predicted, 3 * x)
            assert predicted.dtype == np.float64
            history = sim.fit(made(), validation_data=(x, [y[net.first]]), verbose=0)
        assert set(history.history) == {
            f"{val}{name}"
            for val in ("", "val_")
            for name in ("loss", "first_loss", "first_mse")
        }

    def test_dataset(self, net, data):
        x, y = data
        samples = (
            {"input": x[:6], "n_steps": np.full((6, 1), 3, np.int32)},
            {"first": y[net.first][:6]},
        )
        dataset = tf.data.Dataset.from_tensor_slices(samples).batch(3)
        with simulator(net) as sim:
            sim.compile(loss={net.first: "mse"})
            actual = sim.evaluate(dataset)
            expected = sim.evaluate(x[:6], {net.first: y[net.first][:6]})
        assert actual == pytest.approx(expected, rel=1e-6)


class TestFit:
    def test_equals_keras(self):
        """The same feed-forward model, built both ways, has the same weights."""
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(20, 1, 3)), rng.normal(size=(20, 1, 2))
        model = keras.Sequential(
            [
                keras.Input((3,), dtype="float64"),
                keras.layers.Dense(4, activation="relu", dtype="float64"),
                keras.layers.Dense(2, use_bias=False, dtype="float64"),
            ]
        )
        hidden, bias, output = model.get_weights()
        bias = bias + 0.1
        model.set_weights([hidden, bias, output])
        with nengo.Network() as net:
            configure_settings(dtype="float64", trainable=True)
            node = nengo.Node(np.zeros(3))
            ens = nengo.Ensemble(
                4, 1, neuron_type=nengo.RectifiedLinear(), gain=np.ones(4), bias=bias
            )
            result = nengo.Node(size_in=2)
            first = nengo.Connection(
                node, ens.neurons, transform=hidden.T, synapse=None
            )
            second = nengo.Connection(
                ens.neurons, result, transform=output.T, synapse=None
            )
            probe = nengo.Probe(result)
        options = {"epochs": 2, "shuffle": False, "verbose": 0}
        model.compile(keras.optimizers.Adam(0.01), loss="mse")
        dataset = tf.data.Dataset.from_tensor_slices((x[:, 0], y[:, 0])).batch(4)
        expected = model.fit(dataset, **options)
        with simulator(net, minibatch_size=4) as sim:
            sim.compile(keras.optimizers.Adam(0.01), loss={probe: "mse"})
            history = sim.fit(x, y, **options)
            weights = [
                sim.data[first].weights.T,
                sim.data[ens].bias,
                sim.data[second].weights.T,
            ]
        for actual, trained in zip(weights, model.get_weights(), strict=True):
            np.testing.assert_allclose(actual, trained, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(
            history.history["loss"], expected.history["loss"], rtol=1e-5
        )

    def test_recurrent_spiking_network_learns(self):
        with nengo.Network(seed=0) as net:
            node = nengo.Node([0.0])
            ens = nengo.Ensemble(20, 1)
            nengo.Connection(node, ens, synapse=0.005)
            nengo.Connection(ens, ens, synapse=0.005, transform=0.1)
            probe = nengo.Probe(ens, synapse=0.005)
        x = np.ones((8, 10, 1)) * np.linspace(-1, 1, 8)[:, None, None]
        with simulator(net, minibatch_size=4) as sim:
            sim.compile(keras.optimizers.RMSprop(0.001), loss={probe: "mse"})
            options = {"epochs": 10, "shuffle": False, "verbose": 0}
            history = sim.fit(x, x**2, **options).history["loss"]
            assert all(np.isfinite(w).all() for w in sim.keras_model.get_weights())
        assert history[-1] < 0.8 * history[0]

    def test_validation(self, net, data):
        x, y = data
        with simulator(net) as sim:
            sim.compile("sgd", loss="mse")
            options = {"verbose": 0, "epochs": 2}
            split = sim.fit(x, y, validation_split=0.3, **options).history
            given = sim.fit(x, y, validation_data=(x, y), **options).history
        for history in (split, given):
            assert len(history["val_first_loss"]) == 2

    def test_a_step_is_traced_once(self, net, data):
        """However many losses and metrics there are to be made."""
        x, y = data
        traces = []

        def function(t, x):
            traces.append(x)
            return x

        with net:
            node = TensorNode(function, shape_in=(2,), pass_time=True)
            nengo.Connection(net.node, node, synapse=None)
            third = nengo.Probe(node, label="third")
        counts = []
        with simulator(net, minibatch_size=7) as sim:
            for options in (
                {"loss": {third: "mse"}},
                {"loss": "mse"},
                {"loss": "mse", "metrics": ["mae", ["mae", "mse"], "accuracy"]},
            ):
                sim.compile("sgd", **options)
                targets = {**y, third: x} if options["loss"] == "mse" else {third: x}
                traces.clear()
                sim.fit(x, targets, verbose=0)
                counts.append(len(traces))
        assert len(set(counts)) == 1

    def test_the_last_minibatch_is_a_minibatch(self, net, data):
        """Each of its samples counts as much as it would in Keras."""
        x, y = data

        def scalar(y_true, y_pred):  # no mean of the losses of samples
            return tf.reduce_max(tf.abs(y_true - y_pred))

        y_first = y[net.first]
        with simulator(net, minibatch_size=4) as sim:
            before = sim.data[net.connections[0]].weights.copy()
            sim.compile(keras.optimizers.SGD(0.1), loss={net.first: scalar})
            losses = []
            for part in (slice(4), slice(4, 7)):
                predicted = x[part] @ before.T
                error = (predicted - y_first[part])[..., 0]
                worst = np.unravel_index(np.abs(error).argmax(), error.shape)
                losses.append(np.abs(error[worst]))
                before -= 0.1 * np.sign(error[worst]) * x[part][worst]
            history = sim.fit(x, [y_first], shuffle=False, verbose=0).history
            after = sim.data[net.connections[0]].weights
        np.testing.assert_allclose(after, before)
        mean = np.average(losses, weights=[4, 3])
        assert history["loss"][0] == pytest.approx(mean, rel=1e-5)

    def test_stateful(self, net, data):
        x, y = data
        with simulator(net) as sim:
            sim.compile("sgd", loss="mse")
            sim.fit(x, y, verbose=0)
            sim.evaluate(x, y)
            sim.predict(x)
            assert sim.n_steps == 0
            sim.fit(x, y, stateful=True, epochs=2, verbose=0)
            sim.evaluate(x, y, stateful=True)
            sim.predict(x, stateful=True)
            assert sim.n_steps == 4 * 3 * 3

    def test_eager_steps(self, net, data):
        x, y = data
        with simulator(net) as sim:
            sim.compile("sgd", loss="mse", run_eagerly=True)
            history = sim.fit(x, y, verbose=0).history
        assert np.isfinite(history["loss"]).all()

    def test_what_is_not_trainable_stays(self, net, data):
        x, y = data
        with net:
            configure_settings(trainable=False)
        net.config[net.connections[1]].trainable = True
        with simulator(net) as sim:
            before = [sim.data[conn].weights.copy() for conn in net.connections]
            sim.compile("sgd", loss="mse")
            sim.fit(x, y, verbose=0)
            after = [sim.data[conn].weights for conn in net.connections]
        np.testing.assert_array_equal(after[0], before[0])
        assert not np.allclose(after[1], before[1])

    def test_what_has_no_effect_is_not_trained(self):
        """And Keras does not warn that it has no gradient."""
        with nengo.Network(seed=0) as net:
            node = nengo.Node([0.0, 0.0])
            for _ in range(2):  # the encoders of one, all of the other
                nengo.Ensemble(5, 1)
                neurons = net.ensembles[-1].neurons
                nengo.Connection(node, neurons, transform=np.ones((5, 2)), synapse=None)
            nengo.Probe(net.ensembles[0].neurons)
        with Simulator(net, minibatch_size=4, progress_bar=False) as sim:
            sim.compile("sgd", loss="mse")
            sim.fit(np.ones((4, 1, 2)), np.ones((4, 1, 5)), verbose=0)
            trained = sim.keras_model.trainable_weights
            assert {tuple(weight.shape) for weight in trained} == {(10, 2), (10,)}

    def test_training_then_running_uses_the_new_parameters(self, net, data):
        x, y = data
        with simulator(net) as sim:
            sim.run_steps(3, data=x[:3])
            before = sim.data[net.first].copy()
            sim.compile("sgd", loss="mse")
            sim.fit(x, y, verbose=0)
            predicted = sim.predict(x[:3])[net.first]
            sim.reset(include_trainable=False)
            sim.run_steps(3, data=x[:3])
            np.testing.assert_allclose(sim.data[net.first], predicted)
            sim.reset()
            sim.run_steps(3, data=x[:3])
            np.testing.assert_array_equal(sim.data[net.first], before)


def test_labels_that_keras_refuses():
    with nengo.Network() as net:
        node = nengo.Node([1.0], label="in/put")
        probe = nengo.Probe(node, label="out/put")
    x = np.ones((2, 1, 1))
    with simulator(net, minibatch_size=2) as sim:
        sim.compile(loss={"out/put": "mse"}, metrics={"out/put": "mae"})
        results = sim.evaluate({"in/put": 2 * x}, {"out/put": x})
        assert sim.get_name(probe) == "out_put"
    assert results == {
        "loss": 1,
        "out_put_loss": 1,
        "out_put_mae": 1,
    }


def test_fifty_samples():
    with nengo.Network() as net:
        configure_settings(dtype="float64")
        probe = nengo.Probe(nengo.Node([0.0]))
    x = np.random.default_rng(0).normal(size=(50, 4, 1))
    with simulator(net, minibatch_size=16) as sim:
        predicted = sim.predict(x)[probe]
        np.testing.assert_array_equal(predicted, x)
        assert predicted.dtype == np.float64
        np.testing.assert_array_equal(sim.predict(x[0][None])[probe], x[:1])


class TestErrors:
    def test_not_compiled(self, net, data):
        with simulator(net) as sim:
            for method in (sim.fit, sim.evaluate):
                with pytest.raises(ValidationError, match="compile before"):
                    method(*data)

    def test_unknown_probe(self, net):
        with simulator(net) as sim:
            for key in ("third", net.node):
                with pytest.raises(ValidationError, match="is no Probe"):
                    sim.compile(loss={key: "mse"})
            with pytest.raises(ValidationError, match="3 values"):
                sim.compile(loss=["mse"] * 3)
            with pytest.raises(ValidationError, match="loss or metrics"):
                sim.compile("sgd")

    def test_targets_that_do_not_fit(self, net, data):
        x, y = data
        with simulator(net) as sim:
            sim.compile(loss="mse")
            with pytest.raises(ValidationError, match="targets are needed"):
                sim.fit(x, {net.first: y[net.first]})
            with pytest.raises(
                ValidationError, match=r"'first' have shape \(7, 3, 2\)"
            ):
                sim.fit(x, {net.first: x, net.second: x})

    @pytest.mark.parametrize(
        ("option", "value", "message"),
        [
            ("batch_size", 2, "minibatch_size = 3"),
            ("class_weight", {0: 1}, "use sample_weight"),
            ("sample_weight", np.ones(3), r"\(7,\)"),
            ("validation_split", -0.1, "none to validate with"),
            ("validation_split", 0.9, "of 7 samples, 0.9 would leave none to train"),
            ("validation_split", 1.5, "none to train with"),
        ],
    )
    def test_options_that_cannot_be(self, net, data, option, value, message):
        with simulator(net) as sim:
            sim.compile("sgd", loss="mse")
            with pytest.raises(ValidationError, match=message):
                sim.fit(*data, **{option: value})

    def test_no_samples(self, net, data):
        x, y = data[0][:0], {probe: target[:0] for probe, target in data[1].items()}
        with simulator(net) as sim:
            sim.compile("sgd", loss="mse")
            with pytest.raises(ValidationError, match="at least one sample"):
                sim.predict(x)
            for method in (sim.fit, sim.evaluate, sim.train_on_batch):
                with pytest.raises(ValidationError, match="at least one sample"):
                    method(x, y)

    def test_weights_of_the_classes_of_a_dataset(self, net):
        dataset = tf.data.Dataset.from_tensor_slices({"n_steps": [[3]] * 3}).batch(3)
        with simulator(net) as sim:
            sim.compile("sgd", loss="mse")
            with pytest.raises(ValidationError, match="weights of their samples"):
                sim.fit(dataset, class_weight={0: 1})

    def test_missing_inputs_of_a_dataset(self, net, data):
        dataset = tf.data.Dataset.from_tensor_slices({"n_steps": [[3]] * 3}).batch(3)
        with simulator(net) as sim:
            with pytest.raises(ValidationError, match=r"missing for \['input'\]"):
                sim.predict(dataset)

    def test_predict_on_batch_of_another_size(self, net, data):
        with simulator(net) as sim:
            np.testing.assert_allclose(
                sim.predict_on_batch(data[0][:3])[net.second], 3 * data[0][:3]
            )
            with pytest.raises(ValidationError, match="minibatch_size = 3"):
                sim.predict_on_batch(data[0])


def fit_and_evaluate(sim, node, probe):
    sim.compile("sgd", "mse")
    sim.fit(n_steps=3, y={probe: np.ones((1, 3, 1))}, verbose=0)
    sim.evaluate(n_steps=3, y={probe: np.ones((1, 3, 1))}, verbose=0)


def run_as_in_training(sim, node, probe):
    """A run computes what `fit` would differentiate; see ``learning_phase`` below."""
    sim.run_steps(3, progress_bar=False)


def check_gradients(sim, node, probe):
    sim.check_gradients()


def differentiate(sim, node, probe):
    """A loop of one's own."""
    inputs = {
        "n_steps": tf.fill((1, 1), 3),
        sim.tensor_graph.program.input_names[node]: tf.ones((1, 3, 1)),
    }

    @tf.function(autograph=False)
    def gradients():
        with tf.GradientTape() as tape:
            (output,) = sim.tensor_graph(inputs, training=True).values()
        return tape.gradient(output, sim.tensor_graph.trainable_variables)

    assert gradients()


@pytest.mark.parametrize(
    "use", [fit_and_evaluate, run_as_in_training, check_gradients, differentiate]
)
def test_graphs_are_let_go_of_with_the_simulator(use):
    """TensorFlow registers gradients, which know their graph, for good."""
    graphs = []

    def seen(t, x):
        graphs.append(weakref.ref(tf.compat.v1.get_default_graph()))
        return x

    def train():
        with nengo.Network(seed=0) as net:
            learning_phase = True if use is run_as_in_training else None
            configure_settings(trainable=True, learning_phase=learning_phase)
            node = nengo.Node([1.0])
            ens = nengo.Ensemble(5, 1, neuron_type=nengo.LIF())
            nengo.Connection(node, ens, synapse=0.01)
            seen_by_tensorflow = TensorNode(seen, shape_in=(1,), shape_out=(1,))
            nengo.Connection(ens, seen_by_tensorflow, synapse=0.01)
            probe = nengo.Probe(seen_by_tensorflow)
        with Simulator(net, progress_bar=False) as sim:
            use(sim, node, probe)

    train()
    gc.collect()  # the model, then what its gradients kept
    gc.collect()
    assert graphs
    assert [graph() for graph in graphs if graph() is not None] == []


def test_graphs_are_let_go_of_with_the_model():
    """Those that another `compile` has replaced go before the simulator does."""
    graphs = []
    with nengo.Network(seed=0) as net:
        configure_settings(trainable=True)

        def seen(t, x):
            graphs.append(weakref.ref(tf.compat.v1.get_default_graph()))
            return x

        ens = nengo.Ensemble(5, 1, neuron_type=nengo.LIF())
        nengo.Connection(nengo.Node([1.0]), ens, synapse=0.01)
        seen_by_tensorflow = TensorNode(seen, shape_in=(1,), shape_out=(1,))
        nengo.Connection(ens, seen_by_tensorflow, synapse=0.01)
        nengo.Probe(seen_by_tensorflow)
    x = np.ones((1, 3, 1))
    left = []
    with Simulator(net, progress_bar=False) as sim:
        for _ in range(3):
            sim.compile("sgd", loss="mse")
            sim.train_on_batch(x, x)
            gc.collect()
            gc.collect()
            left.append(sum(graph() is not None for graph in graphs))
    assert left[0] == left[1] == left[2] > 0
