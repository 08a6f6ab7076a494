"""Running and training the simulation through Keras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import keras
import nengo
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.exceptions import ValidationError

from nengo_dl_core.data_arguments import by_object, check_shapes
from nengo_dl_core.node_inputs import evaluate
from nengo_dl_core.tensor_graph import TensorGraph

Array = npt.NDArray[Any]


class SimulationModel(keras.Model):
    """A Keras model of a simulation, whose metrics always name their probe."""

    def get_metrics_result(self) -> dict[str, Any]:
        """The loss and the metrics, by name.

        Returns
        -------
        results : dict of {str: float}
            Keras leaves the output's name out where there is only one.
        """
        results = super().get_metrics_result()
        if len(self.output_names) > 1:
            return results
        (name,) = self.output_names
        named = {
            key if key == "loss" or key.startswith(f"{name}_") else f"{name}_{key}": x
            for key, x in results.items()
        }
        return (
            named if "loss" not in named else {**named, f"{name}_loss": named["loss"]}
        )


class KerasRunner:
    """Feeds arrays to Keras models of a simulation.

    Parameters
    ----------
    graph : TensorGraph
        The simulation as a Keras layer.
    jit_compile : bool
        Whether the models are compiled with XLA.
    """

    def __init__(self, graph: TensorGraph, jit_compile: bool) -> None:
        self.graph = graph
        self.jit_compile = jit_compile
        self._trained: SimulationModel | None = None

    @cached_property
    def _tensors(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Inputs and outputs of the models, by name."""
        n_steps, inputs = self.graph.build_inputs()
        named = {self.graph.input_names[node]: x for node, x in inputs.items()}
        named["n_steps"] = n_steps
        outputs = {  # Keras names outputs, and their metrics, by the last layer
            name: keras.layers.Identity(name=name, dtype=x.dtype)(x)
            for name, x in self.graph(named).items()
        }
        return named, outputs

    @cached_property
    def model(self) -> SimulationModel:
        """The model that puts out all probes."""
        if not self.graph.model.probes:
            raise ValidationError(
                "a Keras model needs something to put out: add a Probe to the network",
                attr="keras_model",
            )
        model = SimulationModel(*self._tensors)
        model.compile(jit_compile=self.jit_compile)
        return model

    def compile(
        self, *args: Any, loss: Any, metrics: Any, loss_weights: Any, **kwargs: Any
    ) -> None:
        """Prepare training and evaluation; see `Simulator.compile`."""
        losses = self._by_name(loss, "loss")
        by_name = self._by_name(metrics, "metrics")
        inputs, outputs = self._tensors
        names = [name for name in outputs if name in losses or name in by_name]
        if not names:
            raise ValidationError("give a loss or metrics for some probe", attr="loss")
        # A model of these probes alone, so that Keras asks for no other targets.
        model = SimulationModel(inputs, {name: outputs[name] for name in names})
        model.compile(
            *args,
            loss=losses or None,
            weighted_metrics=by_name or None,
            loss_weights=self._by_name(loss_weights, "loss_weights") or None,
            **{"jit_compile": self.jit_compile, **kwargs},
        )
        self._trained = model

    def _by_name(self, values: Any, attr: str) -> dict[str, Any]:
        """What is given for Probes, as a dictionary of their names."""
        names = self.graph.probe_names
        if values is None:
            return {}
        if isinstance(values, Mapping):
            known = {**names, **{name: name for name in names.values()}}
            for key in values:
                if key not in known:
                    raise ValidationError(
                        f"{key!r} is no Probe of this network; there are "
                        f"{list(names.values())}",
                        attr=attr,
                    )
            return {known[key]: value for key, value in values.items()}
        if isinstance(values, (list, tuple)):
            if len(values) > len(names):
                raise ValidationError(
                    f"{len(values)} values were given, but there are {len(names)} "
                    f"probes",
                    attr=attr,
                )
            return dict(zip(names.values(), values, strict=False))
        return dict.fromkeys(names.values(), values)

    def predict(
        self, x: Any, n_steps: int | None, stateful: bool, **kwargs: Any
    ) -> dict[nengo.Probe, Array]:
        """Simulate a batch; see `Simulator.predict`."""
        if _is_dynamic(x):
            batch_size, dataset = None, x
        else:
            inputs, batch_size = self._inputs(x, n_steps)
            dataset = self._minibatches((inputs,), batch_size)
        self.graph.keeps_state.assign(stateful)
        outputs = self.model.predict(dataset, **{"verbose": 0, **kwargs})
        return self._by_probe(outputs, batch_size)

    def predict_on_batch(
        self, x: Any, n_steps: int | None, stateful: bool, **kwargs: Any
    ) -> dict[nengo.Probe, Array]:
        """Simulate a minibatch; see `Simulator.predict_on_batch`."""
        inputs, batch_size = self._inputs(x, n_steps)
        if batch_size != self.graph.minibatch_size:
            raise ValidationError(
                f"there must be minibatch_size = {self.graph.minibatch_size} samples, "
                f"not {batch_size}",
                attr="x",
            )
        self.graph.keeps_state.assign(stateful)
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        return self._by_probe(self.model.predict_on_batch(tensors, **kwargs), None)

    def fit(
        self, x: Any, y: Any, n_steps: int | None, stateful: bool, **kwargs: Any
    ) -> keras.callbacks.History:
        """Train; see `Simulator.fit`."""
        model = self._compiled("fit")
        if _is_dynamic(x):
            dataset = x
        else:
            data = self._data(x, y, n_steps, kwargs.pop("sample_weight", None))
            split = kwargs.pop("validation_split", 0.0)
            if split:
                data, kwargs["validation_data"] = _split(data, split)
            validation = kwargs.get("validation_data")
            if validation is not None and not _is_dynamic(validation):
                if not split:
                    x_validation, y_validation, *weight = validation
                    validation = self._data(
                        x_validation, y_validation, n_steps, *weight
                    )
                kwargs["validation_data"] = self._minibatches(*validation)
            shuffle = kwargs.pop("shuffle", True)
            kwargs["shuffle"] = False  # by Keras, since it is done here
            dataset = self._minibatches(*data, shuffle, scale=True)
        self.graph.keeps_state.assign(stateful)
        return model.fit(dataset, **self._checked(kwargs))

    def evaluate(
        self, x: Any, y: Any, n_steps: int | None, stateful: bool, **kwargs: Any
    ) -> dict[str, float]:
        """Compute losses and metrics; see `Simulator.evaluate`."""
        model = self._compiled("evaluate")
        share = 1.0  # of the samples in the minibatches that are no filling
        if not _is_dynamic(x):
            data, batch_size = self._data(
                x, y, n_steps, kwargs.pop("sample_weight", None)
            )
            x = self._minibatches(data, batch_size)
            share = batch_size / (len(x) * self.graph.minibatch_size)
        self.graph.keeps_state.assign(stateful)
        options = {"verbose": 0, **self._checked(kwargs), "return_dict": True}
        results = model.evaluate(x, **options)
        # Keras divides losses by the number of all samples, metrics by the weights
        return {
            name: value / share if name.endswith("loss") else value
            for name, value in results.items()
        }

    def _compiled(self, method: str) -> SimulationModel:
        if self._trained is None:
            raise ValidationError(
                f"call Simulator.compile before {method}", attr="loss"
            )
        return self._trained

    def _checked(self, options: dict[str, Any]) -> dict[str, Any]:
        """Refuse what would have no effect."""
        if options.get("batch_size", self.graph.minibatch_size) is None:
            options.pop("batch_size")
        batch_size = options.pop("batch_size", self.graph.minibatch_size)
        if batch_size != self.graph.minibatch_size:
            raise ValidationError(
                f"minibatches have minibatch_size = {self.graph.minibatch_size} "
                f"samples, as the simulator was built; not {batch_size}",
                attr="batch_size",
            )
        if options.get("class_weight") is not None:
            raise ValidationError(
                "Keras defines class weights for a single output of classes only; "
                "use sample_weight",
                attr="class_weight",
            )
        return options

    def _inputs(self, x: Any, n_steps: int | None) -> tuple[dict[str, Array], int]:
        """All inputs of the models, and the number of samples."""
        graph = self.graph
        minibatch_size, dt = graph.minibatch_size, graph.signals.dt
        arrays = by_object(x, graph.input_names, "input Node")
        batch_size, n_steps = check_shapes(arrays, graph.input_names, None, n_steps)
        if n_steps is None:
            raise ValidationError("say how many steps to run, or give data", "n_steps")
        graph.check_steps(n_steps)
        batch_size = minibatch_size if batch_size is None else batch_size
        defined = [source for source in graph.node_inputs if source.node not in arrays]
        steps = range(graph.n_steps + 1, graph.n_steps + n_steps + 1)
        repeats = -(-batch_size // minibatch_size)
        values = evaluate(defined, steps, dt, minibatch_size)
        for source, value in zip(defined, values, strict=True):
            tiled = np.tile(np.swapaxes(value, 0, 1), (repeats, 1, 1))
            arrays[source.node] = tiled[:batch_size]
        inputs = {
            graph.input_names[node]: array.astype(graph.float_type)
            for node, array in arrays.items()
        }
        inputs["n_steps"] = np.full((batch_size, 1), n_steps, np.int32)
        return inputs, batch_size

    def _data(
        self, x: Any, y: Any, n_steps: int | None, sample_weight: Any = None
    ) -> tuple[tuple[Any, ...], int]:
        """Inputs, targets and weights of all samples, and the number of samples."""
        inputs, batch_size = self._inputs(x, n_steps)
        names = self.graph.probe_names
        targets = by_object(y, names, "Probe")
        check_shapes(targets, names, batch_size, None)
        trained = self._compiled("fit").output_names
        given = {names[probe]: array for probe, array in targets.items()}
        if set(given) != set(trained):
            raise ValidationError(
                f"targets are needed for the probes {trained}, which the loss and "
                f"metrics are about, but are given for {list(given)}",
                attr="y",
            )
        weights = np.ones(batch_size) if sample_weight is None else sample_weight
        weights = np.asarray(weights, np.float32)
        weights = weights[:, None] if weights.ndim == 1 else weights
        if weights.shape[0] != batch_size or weights.ndim > 2:
            raise ValidationError(
                f"must have shape ({batch_size},) or ({batch_size}, n_steps), not "
                f"{weights.shape}",
                attr="sample_weight",
            )
        return (inputs, given, weights), batch_size

    def _minibatches(
        self,
        data: tuple[Any, ...],
        batch_size: int,
        shuffle: bool = False,
        scale: bool = False,
    ) -> tf.data.Dataset:
        """Minibatches of samples.

        The last one is filled up with a sample that has no weight. To ``scale`` is to
        let the others in it weigh more, so that its loss, which Keras divides by the
        number of all samples, is the mean of theirs: the one to take a gradient of.
        """
        size = self.graph.minibatch_size
        data = tf.nest.map_structure(tf.constant, data)

        def gathered(index: tf.Tensor) -> Any:
            n_valid = tf.shape(index)[0]
            filler = tf.repeat(index[-1:], size - n_valid)
            index = tf.ensure_shape(tf.concat([index, filler], 0), (size,))
            batch = tf.nest.map_structure(lambda x: tf.gather(x, index), data)
            if len(batch) == 1:
                return batch[0]
            inputs, targets, weights = batch
            mask = tf.cast(tf.range(size) < n_valid, tf.float32)
            if scale:
                mask *= size / tf.cast(n_valid, tf.float32)
            return inputs, targets, dict.fromkeys(targets, weights * mask[:, None])

        samples = tf.data.Dataset.range(batch_size)
        if shuffle:
            samples = samples.shuffle(batch_size)
        return samples.batch(size).map(gathered)

    def _by_probe(
        self, outputs: Mapping[str, Array], batch_size: int | None
    ) -> dict[nengo.Probe, Array]:
        return {
            probe: outputs[name][:batch_size]
            for probe, name in self.graph.probe_names.items()
        }


def _is_dynamic(x: Any) -> bool:
    """Whether data is produced while it is used, so that Keras takes it as it is."""
    return isinstance(x, (tf.data.Dataset, keras.utils.PyDataset)) or (
        hasattr(x, "__next__")
    )


def _split(
    data: tuple[tuple[Any, ...], int], fraction: float
) -> tuple[tuple[tuple[Any, ...], int], tuple[tuple[Any, ...], int]]:
    """Split the last samples off for validation, as Keras does."""
    arrays, batch_size = data
    first = int(batch_size * (1 - fraction))

    def cut(part: slice) -> tuple[Any, ...]:
        select: Callable[[Array], Array] = lambda x: x[part]  # noqa: E731
        return tuple(tf.nest.map_structure(select, item) for item in arrays)

    rest = slice(first, None)
    return (cut(slice(first)), first), (cut(rest), batch_size - first)
