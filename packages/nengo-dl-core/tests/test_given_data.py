"""What is given for Nodes and Probes: found by exact labels, once, and checked."""

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf
from nengo.exceptions import ValidationError

from nengo_dl_core import Simulator, configure_settings
from nengo_dl_core.losses import Regularize, nan_mse


def simulator(net, minibatch_size=4):
    return Simulator(net, minibatch_size=minibatch_size, progress_bar=False)


def relays(labels, probe_labels=None):
    """A network of input Nodes of these labels, each with a Probe."""
    with nengo.Network() as net:
        configure_settings(jit_compile=False)
        net.inputs = [nengo.Node([0.0], label=label) for label in labels]
        for node, label in zip(net.inputs, probe_labels or labels, strict=True):
            output = nengo.Node(size_in=1)
            nengo.Connection(node, output, synapse=None, transform=[[1.0]])
            nengo.Probe(output, label=label)
    return net


def full(value):
    return np.full((4, 2, 1), float(value))


def given(sim, data):
    """The values that the Probes show."""
    values = sim.predict(data, n_steps=2)
    return [values[probe][0, 0, 0] for probe in sim.model.probes]


class TestLabels:
    @pytest.mark.parametrize(
        "labels",
        [
            ("in put", "in_put"),
            ("in_put", "in put", "in:put"),
            ("x", "x_1"),
            ("n_steps", "tensor_graph", "n steps"),
            ("node", "node_1"),
        ],
    )
    def test_the_exact_label_counts(self, labels):
        data = {label: full(i) for i, label in enumerate(labels)}
        with simulator(relays(labels)) as sim:
            assert given(sim, data) == list(range(len(labels)))
            names = [sim.get_name(node) for node in sim.model.toplevel.inputs]
            data = {name: full(i) for i, name in enumerate(names)}
            assert given(sim, data) == list(range(len(labels)))

    def test_the_first_object_of_a_label(self):
        with simulator(relays(["x", "x", "x_1", "y z", "y z"])) as sim:
            nodes = sim.model.toplevel.inputs
            assert [sim.get_name(node) for node in nodes] == [
                "x",
                "x_2",
                "x_1",
                "y_z",
                "y_z_1",
            ]
            assert given(sim, {"x": full(1), "y z": full(2)}) == [1, 0, 0, 2, 0]

    def test_what_is_no_label(self):
        with simulator(relays(["in_put"])) as sim:
            with pytest.raises(ValidationError, match="'in put' is no input Node"):
                sim.predict({"in put": full(1)})

    def test_lists_are_in_the_order_of_the_objects(self):
        """Which Keras does not keep, but sorts outputs by name."""
        net = relays(["b", "a", "c"])
        y = [full(value) for value in (2, 1, 3)]
        x = {"n_steps": np.full((4, 1), 2, np.int32)}
        x |= {label: full(0) for label in "bac"}
        dataset = tf.data.Dataset.from_tensor_slices((x, tuple(y))).batch(4)
        with simulator(net) as sim:
            assert given(sim, y) == [2, 1, 3]
            sim.compile("sgd", loss="mse")
            expected = {"b_loss": 4, "a_loss": 1, "c_loss": 9, "loss": 14}
            assert sim.evaluate(y=y, n_steps=2) == expected
            assert sim.evaluate(dataset) == expected
            sim.compile("sgd", loss={"c": "mse", "b": "mse"})
            expected = {"b_loss": 4, "c_loss": 9, "loss": 13}
            assert sim.evaluate(y=[y[0], y[2]], n_steps=2) == expected

    @pytest.mark.parametrize("label", ["x", "tensor_graph", "n_steps"])
    def test_nodes_and_probes_of_one_label(self, label):
        net = relays([label, "x_output"], [label, None])
        (node, _), (probe, _) = net.inputs, net.probes
        with simulator(net) as sim:
            name = sim.get_name(probe)
            np.testing.assert_array_equal(sim.predict({label: full(3)})[probe], full(3))
            assert list(sim.keras_model.output_names).count(name) == 1
            sim.compile("sgd", loss={label: "mse"}, metrics={label: "mae"})
            results = sim.evaluate({label: full(3)}, {label: full(1)})
            assert results == {"loss": 4, f"{name}_loss": 4, f"{name}_mae": 2}
            history = sim.fit({node: full(3)}, {probe: full(1)}, verbose=0).history
            assert history["loss"] == [4]


class TestGivenTwice:
    @pytest.fixture
    def net(self):
        return relays(["a b", "c"])

    def test_data(self, net):
        twice = {net.inputs[0]: full(1), "a b": full(5)}
        with simulator(net) as sim:
            sim.compile("sgd", loss={net.probes[0]: "mse"})
            for method in (
                sim.predict,
                sim.predict_on_batch,
                lambda x: sim.run_steps(2, data=x),
                lambda x: sim.fit(x, {net.probes[0]: full(1)}),
                lambda x: sim.evaluate(x, {net.probes[0]: full(1)}),
                sim.check_gradients,
            ):
                with pytest.raises(ValidationError, match=r"twice .*'a_b', .* 'a b'"):
                    method(twice)

    @pytest.mark.parametrize(
        "argument", ["loss", "metrics", "weighted_metrics", "loss_weights"]
    )
    def test_what_is_compiled(self, net, argument):
        arguments = {"loss": "mse", argument: {net.probes[1]: "mae", "c": "mse"}}
        with simulator(net) as sim:
            with pytest.raises(ValidationError, match=f"{argument}: .*twice .*'c'"):
                sim.compile("sgd", **arguments)

    def test_targets_and_weights(self, net):
        probe = net.probes[1]
        with simulator(net) as sim:
            sim.compile("sgd", loss={"c": "mse"})
            for method in (sim.fit, sim.evaluate):
                with pytest.raises(ValidationError, match="twice"):
                    method(y={probe: full(1), "c": full(1)}, n_steps=2)
                with pytest.raises(ValidationError, match=r"sample_weight: .*twice"):
                    method(
                        y={probe: full(1)},
                        n_steps=2,
                        sample_weight={probe: np.ones(4), "c": np.ones(4)},
                    )


@pytest.mark.parametrize("kind", ["dataset", "generator", "sequence"])
@pytest.mark.parametrize(
    ("methods", "argument", "value"),
    [
        (("fit", "evaluate"), "y", full(1e6)),
        (("fit", "evaluate", "predict"), "n_steps", 77),
        (("fit", "evaluate"), "sample_weight", np.ones(4)),
        (("fit",), "validation_split", 0.5),
    ],
)
def test_arguments_that_contradict_a_dataset(methods, argument, value, kind):
    x = {"x": full(1), "n_steps": np.full((4, 1), 2, np.int32)}

    class Minibatches(keras.utils.PyDataset):
        def __len__(self):
            return 1

        def __getitem__(self, _):
            return x, {"y": full(1)}

    if kind == "dataset":
        data = tf.data.Dataset.from_tensor_slices((x, {"y": full(1)})).batch(4)
    else:
        data = Minibatches()
        data = data if kind == "sequence" else iter([data[0]])
    with simulator(relays(["x"], ["y"])) as sim:
        sim.compile("sgd", loss="mse")
        for method in methods:
            with pytest.raises(ValidationError, match=f"{argument}: a dataset or"):
                getattr(sim, method)(data, **{argument: value})


class TestClassNumbers:
    """Targets of size 1 for a Probe of size 3."""

    x = np.random.default_rng(0).normal(size=(4, 2, 3))
    classes = np.random.default_rng(1).integers(3, size=(4, 2, 1))

    @pytest.fixture
    def net(self):
        with nengo.Network() as net:
            configure_settings(jit_compile=False)
            node, output = nengo.Node(np.zeros(3), label="x"), nengo.Node(size_in=3)
            nengo.Connection(node, output, synapse=None, transform=np.eye(3))
            nengo.Probe(output, label="y")
        return net

    def evaluated(self, net, loss, metrics=None, dtype=int, weighted_metrics=None):
        """Evaluate arrays, and a dataset."""
        with simulator(net) as sim:
            sim.compile(
                "sgd", loss=loss, metrics=metrics, weighted_metrics=weighted_metrics
            )
            y = self.classes.astype(dtype)
            results = sim.evaluate(self.x, y)
            x = {"x": self.x, "n_steps": np.full((4, 1), 2, np.int32)}
            dataset = tf.data.Dataset.from_tensor_slices((x, {"y": y})).batch(4)
            assert sim.evaluate(dataset) == pytest.approx(results, rel=1e-6)
            sim.fit(self.x, y, verbose=0)
        return results

    @pytest.mark.parametrize("dtype", [int, float, np.float32, np.uint8, bool])
    def test_loss_is_that_of_keras(self, net, dtype):
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        metrics = ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)]
        results = self.evaluated(net, loss, metrics, dtype)
        classes = self.classes.astype(dtype)[..., 0].astype(int)
        log_sum = np.log(np.exp(self.x).sum(-1))
        chosen = np.take_along_axis(self.x, classes[..., None], -1)[..., 0]
        assert results["loss"] == pytest.approx((log_sum - chosen).mean(), rel=1e-5)
        correct = self.x.argmax(-1) == classes
        assert results["y_accuracy"] == pytest.approx(correct.mean())

    @pytest.mark.parametrize(
        "loss",
        [
            "sparse_categorical_crossentropy",
            keras.losses.sparse_categorical_crossentropy,
            Regularize(),
            lambda y_true, y_pred: tf.reduce_mean(y_pred, axis=-1) - y_true[..., 0],
        ],
    )
    def test_what_may_take_them(self, net, loss):
        assert "loss" in self.evaluated(net, loss, dtype=np.float32)

    @pytest.mark.parametrize("dtype", [int, float])
    @pytest.mark.parametrize(
        "measures",
        [
            {"loss": "mse"},
            {"loss": keras.losses.MeanSquaredError()},
            {"loss": keras.losses.categorical_crossentropy},
            {"loss": nan_mse},
            {"loss": "sparse_categorical_crossentropy", "metrics": ["acc", ["mae"]]},
            {"loss": Regularize(), "weighted_metrics": [keras.metrics.AUC()]},
        ],
    )
    def test_what_compares_numbers(self, net, measures, dtype):
        y = self.classes.astype(dtype)
        x = {"x": self.x, "n_steps": np.full((4, 1), 2, np.int32)}
        dataset = tf.data.Dataset.from_tensor_slices((x, {"y": y})).batch(4)
        with simulator(net) as sim:
            sim.compile("sgd", **measures)
            for method in (sim.fit, sim.evaluate):
                with pytest.raises(ValidationError, match="numbers of classes are for"):
                    method(self.x, y)
            with pytest.raises(ValidationError, match=r"expected .*, 3\)"):
                sim.evaluate(dataset)
