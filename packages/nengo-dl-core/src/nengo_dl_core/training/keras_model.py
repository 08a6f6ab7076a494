"""The Keras model around a simulation."""

from __future__ import annotations

from collections.abc import Mapping
from keyword import iskeyword
from typing import Any, NoReturn

import keras
import tensorflow as tf
from nengo.exceptions import ValidationError

from nengo_dl_core.private_names import PreparedModel, losses_of_outputs, measures
from nengo_dl_core.training.class_numbers import outputs_of_classes
from nengo_dl_core.training.simulation_layer import SimulationLayer


class SimulationModel(PreparedModel):
    """A Keras model from Nodes' to Probes' values, by name.

    It differs from any other functional model in this: minibatches may have fewer
    samples than the simulation, which is filled up and whose other outputs are cut off;
    targets may have fewer steps than the outputs, and are those of the last ones;
    inputs, targets and weights that have no names are taken in the order of the Nodes
    and Probes; and metrics always name their probe.

    Parameters
    ----------
    layer : SimulationLayer
        The simulation.
    inputs, outputs : dict of {str: keras.KerasTensor}
        Inputs of the simulation, and those outputs that the model has.
    """

    def __init__(
        self, layer: SimulationLayer, inputs: dict[str, Any], outputs: dict[str, Any]
    ) -> None:
        super().__init__(inputs, outputs)
        # Keras names outputs by layers, in the order of their names
        self.output_names = keras.tree.flatten({name: name for name in outputs})
        probe_names = layer.program.probe_names.values()
        self._probes = [name for name in probe_names if name in outputs]
        program = layer.program
        self._names = (*program.input_names.values(), "n_steps")
        self._size = program.minibatch_size
        self._python_objects = program.python_objects
        self._borrowed = layer.borrowed

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Call the model.

        Parameters
        ----------
        inputs : dict of {str: tf.Tensor} or list of tf.Tensor or tf.Tensor
            Values of all input Nodes, by name or in their order; and ``"n_steps"``,
            which can be left out if there are Nodes.
        *args, **kwargs
            See `keras.Model`.

        Returns
        -------
        outputs : dict of {str: tf.Tensor}
            Values of the probes.
        """
        named = self._named_inputs(inputs)
        if tf.inside_function() or any(
            map(keras.utils.is_keras_tensor, named.values())
        ):
            return super().__call__(named, *args, **kwargs)
        with self._borrowed(keep=False):
            return super().__call__(named, *args, **kwargs)

    # Who calls a method of the model borrows the simulation, and leaves it as it is.

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Simulate a batch; see `keras.Model.predict`."""
        with self._borrowed(keep=False):
            return super().predict(*args, **kwargs)

    def predict_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Simulate a minibatch; see `keras.Model.predict_on_batch`."""
        with self._borrowed(keep=False):
            return super().predict_on_batch(*args, **kwargs)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Compute losses and metrics, in `fit` too; see `keras.Model.evaluate`."""
        with self._borrowed(keep=False):
            return super().evaluate(*args, **kwargs)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate a minibatch; see `keras.Model.test_on_batch`."""
        with self._borrowed(keep=False):
            return super().test_on_batch(*args, **kwargs)

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Train; see `keras.Model.fit`."""
        with self._borrowed(keep=False, trains=True):
            return super().fit(*args, **kwargs)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Train with a minibatch; see `keras.Model.train_on_batch`."""
        with self._borrowed(keep=False, trains=True):
            return super().train_on_batch(*args, **kwargs)

    def _named_inputs(self, inputs: Any) -> dict[str, Any]:
        names = self._names
        if not isinstance(inputs, Mapping):
            values = inputs if isinstance(inputs, (list, tuple)) else [inputs]
            inputs = dict(zip(names, values, strict=False))
        missing = [name for name in names if name not in inputs]
        if missing == ["n_steps"] and names[0] in inputs:
            tensors = {name: tf.convert_to_tensor(x) for name, x in inputs.items()}
            shape = tf.shape(tensors[names[0]])
            return {**tensors, "n_steps": tf.fill((shape[0], 1), shape[1])}
        if missing:
            raise ValidationError(
                f"values are missing for {missing}; there must be some for all of "
                f"{list(names)}, each with the samples along its first axis",
                attr="x",
            )
        return {name: inputs[name] for name in names}

    def call(
        self, inputs: dict[str, tf.Tensor], training: Any = None, mask: Any = None
    ) -> Any:
        """Simulate a minibatch; see `keras.Model.call`."""
        (first, *_) = inputs.values()
        size = self._size
        if first.shape[0] == size:
            return super().call(inputs, training=training, mask=mask)
        n_samples = tf.shape(first)[0]
        check = tf.debugging.assert_less_equal(
            n_samples, size, f"minibatches must have at most {size} samples"
        )
        with tf.control_dependencies([] if check is None else [check]):
            rows = tf.minimum(tf.range(size), n_samples - 1)
        filled = {name: tf.gather(x, rows) for name, x in inputs.items()}
        outputs = super().call(filled, training=training, mask=mask)
        return {name: value[:n_samples] for name, value in outputs.items()}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tf.Tensor:
        """Compute the loss; see `keras.Model.compute_loss`."""
        args = self._aligned(y, y_pred, sample_weight)
        total = super().compute_loss(x, *args, training=training)
        self._track_losses(*args)
        return total

    def _track_losses(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
        """Average the loss of each probe over all samples.

        Keras averages them over minibatches, as if these were of equal size. To compute
        them again costs nothing in a graph.
        """
        n_replicas = tf.distribute.get_strategy().num_replicas_in_sync
        for name, function in losses_of_outputs(self):
            if name in self._loss_of:
                weight = None if sample_weight is None else sample_weight[name]
                value = n_replicas * function(y[name], y_pred[name], weight)
                self._loss_of[name].update_state(value, tf.shape(y[name])[0])

    def compile(self, *args: Any, loss: Any = None, **kwargs: Any) -> None:
        """Prepare training and evaluation; see `keras.Model.compile`."""
        names = (loss or ()) if len(self.output_names) > 1 else ()
        self._loss_of = {name: keras.metrics.Mean(f"{name}_loss") for name in names}
        metrics = [kwargs.get(name) for name in ("metrics", "weighted_metrics")]
        self.of_classes = outputs_of_classes(loss, *metrics)
        super().compile(*args, loss=loss, **kwargs)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Update the metrics; see `keras.Model.compute_metrics`."""
        return super().compute_metrics(x, *self._aligned(y, y_pred, sample_weight))

    def _aligned(self, y: Any, y_pred: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
        """Targets, outputs of the same steps, and weights, by name."""
        targets = self._by_output(y)
        for name, target in targets.items():
            self._check_target(name, target.shape, y_pred[name].shape)
        outputs = {
            name: _last_steps(y_pred[name], target) for name, target in targets.items()
        }
        if sample_weight is None:
            return targets, outputs, None
        if not isinstance(sample_weight, (Mapping, list, tuple)):
            sample_weight = dict.fromkeys(targets, sample_weight)
        weights = {
            name: x[:, None] if x.shape.rank == 1 else x
            for name, x in self._by_output(sample_weight).items()
        }
        return targets, outputs, weights

    def _check_target(self, name: str, shape: tf.TensorShape, output: Any) -> None:
        """Refuse the targets of a dataset that TensorFlow would broadcast."""
        if name in self.of_classes or shape.rank is None:
            return
        if shape.rank != len(output) or shape[-1] not in (None, output[-1]):
            raise ValidationError(
                f"the targets for {name!r} have shape {tuple(shape)}, expected "
                f"(minibatch_size, n_steps, {output[-1]})",
                attr="y",
            )

    def _by_output(self, values: Any) -> dict[str, Any]:
        """Values for the outputs by name."""
        if isinstance(values, Mapping):
            return {name: values[name] for name in self.output_names if name in values}
        values = values if isinstance(values, (list, tuple)) else [values]
        return dict(zip(self._probes, values, strict=True))

    def get_metrics_result(self) -> dict[str, Any]:
        """The loss and the metrics, by name.

        Returns
        -------
        results : dict of {str: float}
            Keras leaves the output's name out where there is only one.
        """
        results = super().get_metrics_result()
        if len(self.output_names) > 1:
            losses = {f"{name}_loss": x.result() for name, x in self._loss_of.items()}
            return {**results, **losses}
        (name,) = self.output_names
        named = {
            key if key == "loss" or key.startswith(f"{name}_") else f"{name}_{key}": x
            for key, x in results.items()
        }
        return (
            named if "loss" not in named else {**named, f"{name}_loss": named["loss"]}
        )

    def save(self, filepath: Any, *_: Any, **__: Any) -> NoReturn:
        """Say what to use instead: a network cannot be made again from a Keras file.

        Raises
        ------
        nengo.exceptions.ValidationError
            Always.
        """
        raise ValidationError(
            f"a simulation cannot be saved as a Keras model ({filepath}); use "
            "Simulator.save_params, or save_weights (in keras.callbacks."
            "ModelCheckpoint: save_weights_only=True); or export, to run it without "
            "Nengo",
            attr="filepath",
        )

    def export(self, *args: Any, **kwargs: Any) -> None:
        """Write the simulation to be run without Nengo; see `keras.Model.export`.

        Raises
        ------
        nengo.exceptions.ValidationError
            If part of the network runs in Python, or the label of an input Node is a
            word of the Python language.
        """
        for name in self._names:
            if iskeyword(name):
                raise ValidationError(
                    f"the label {name!r} of a Node cannot name the argument of a "
                    "function: give the Node another one",
                    attr="label",
                )
        in_python = self._python_objects()
        if in_python:
            raise ValidationError(
                f"cannot be exported, since Python computes {', '.join(in_python)}",
                attr="keras_model",
            )
        super().export(*args, **kwargs)

    def build_measures(self, minibatch: Any) -> None:
        """Make the variables of losses and metrics; see `PreparedModel`."""
        _, y, _ = keras.utils.unpack_x_y_sample_weight(minibatch)
        if y is None:
            return
        targets = self._by_output(y)
        outputs = {name: self.output[name] for name in targets}
        for measure in measures(self):
            if not measure.built:
                measure.build(targets, outputs)

    # What follows is for tf.distribute.

    def train_step(self, data: Any) -> dict[str, Any]:
        """Train with a minibatch; see `keras.Model.train_step`."""
        return self._reducible(super().train_step(data))

    def test_step(self, data: Any) -> dict[str, Any]:
        """Evaluate a minibatch; see `keras.Model.test_step`."""
        return self._reducible(super().test_step(data))

    def _reducible(self, logs: dict[str, Any]) -> dict[str, Any]:
        """Give results an axis for Keras to average along, in several processes."""
        several = isinstance(
            self.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy
        )
        if not several:
            return logs
        return {name: tf.reshape(x, (1,)) for name, x in logs.items()}


def _last_steps(output: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Select as many steps of an output as there are targets."""
    n_steps = target.shape[1]
    if n_steps is not None and n_steps == output.shape[1]:
        return output
    return output[:, -tf.shape(target)[1] :]
