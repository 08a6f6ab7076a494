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
from nengo.exceptions import SimulationError, ValidationError

from nengo_dl_core.config import get_setting
from nengo_dl_core.data_arguments import by_object, check_shapes, look_up
from nengo_dl_core.keras_model import SimulationModel
from nengo_dl_core.node_inputs import evaluate
from nengo_dl_core.tensor_graph import TensorGraph
from nengo_dl_core.training_checks import warn_of_no_effect

Array = npt.NDArray[Any]


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
        self._strategy = tf.distribute.get_strategy()
        # TensorFlow cannot compile what is distributed
        self.jit_compile = jit_compile and not tf.distribute.has_strategy()
        self._shuffles = 0
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
        with self._strategy.scope():
            model = SimulationModel(self.graph, *self._tensors)
            model.compile(jit_compile=self.jit_compile)
        return model

    def compile(
        self, *, loss: Any, metrics: Any, loss_weights: Any, **kwargs: Any
    ) -> None:
        """Prepare training and evaluation; see `Simulator.compile`."""
        by_name = {
            "loss": self._by_name(loss, "loss"),
            "metrics": self._by_name(metrics, "metrics"),
            "weighted_metrics": self._by_name(
                kwargs.pop("weighted_metrics", None), "weighted_metrics"
            ),
        }
        if isinstance(loss_weights, (list, tuple)):  # in the order of the losses
            loss_weights = dict(zip(by_name["loss"], loss_weights, strict=True))
        by_name["loss_weights"] = self._by_name(loss_weights, "loss_weights")
        measured = {name for values in by_name.values() for name in values}
        inputs, outputs = self._tensors
        names = [name for name in outputs if name in measured]
        if not names:
            raise ValidationError(
                "give a loss or metrics for some probe, after the optimizer or by name",
                attr="loss",
            )
        if "optimizer" in kwargs:
            kwargs["optimizer"] = self._optimizer(kwargs["optimizer"])
        compiled = self.jit_compile and not kwargs.get("run_eagerly")
        with self._strategy.scope():
            # A model of these probes alone, so that Keras asks for no other targets.
            model = SimulationModel(
                self.graph, inputs, {name: outputs[name] for name in names}
            )
            model.compile(
                **{key: values or None for key, values in by_name.items()},
                **{"jit_compile": compiled, **kwargs},
            )
        self._trained = model

    def _optimizer(self, optimizer: Any) -> keras.optimizers.Optimizer:
        try:
            with self._strategy.scope():
                return keras.optimizers.get(optimizer)
        except ValueError as error:
            raise ValidationError(
                "must be an optimizer of keras.optimizers (of Keras 3), or the name of "
                f"one, not {optimizer!r}",
                attr="optimizer",
            ) from error

    def _by_name(self, values: Any, attr: str) -> dict[str, Any]:
        """What is given for Probes, as a dictionary of their names."""
        names = self.graph.probe_names
        if values is None:
            return {}
        if isinstance(values, Mapping):
            return {
                names[look_up(key, names, "Probe", attr)]: value
                for key, value in values.items()
            }
        if isinstance(values, (list, tuple)):
            if attr.endswith("metrics") and len(names) == 1:
                return dict.fromkeys(names.values(), values)
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
        batch_size, dataset = None, x
        if not _is_dynamic(x):
            inputs, batch_size = self._inputs(x, n_steps)
            dataset = self._minibatches((inputs,), batch_size, fill=True)
        self.graph.keeps_state.assign(stateful)
        options = {"verbose": 0, **self._checked(kwargs)}
        with self.graph.errors_as_raised():
            outputs = self.model.predict(dataset, **options)
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
        with self.graph.errors_as_raised():
            outputs = self.model.predict_on_batch(tensors, **kwargs)
        return self._by_probe(outputs, None)

    def fit(
        self, x: Any, y: Any, n_steps: int | None, stateful: bool, **kwargs: Any
    ) -> keras.callbacks.History:
        """Train; see `Simulator.fit`."""
        model = self._compiled("fit")
        if get_setting(self.graph.model, "inference_only", False):
            raise SimulationError(
                "the network cannot be trained, since it sets inference_only=True"
            )
        split = kwargs.pop("validation_split", 0.0)
        validation = kwargs.get("validation_data")
        if validation is not None and not _is_dynamic(validation):
            x_validation, y_validation, *weight = validation
            data = self._data(x_validation, y_validation, n_steps, *weight)
            kwargs["validation_data"] = self._minibatches(*data)
        if not _is_dynamic(x):
            data = self._data(
                x,
                y,
                n_steps,
                kwargs.pop("sample_weight", None),
                kwargs.pop("class_weight", None),
            )
            n_steps = int(data[0][0]["n_steps"][0, 0])
            if split and validation is None:
                data, held_out = _split(data, split)
                kwargs["validation_data"] = self._minibatches(*held_out)
            shuffle = kwargs.pop("shuffle", True)
            kwargs["shuffle"] = False  # by Keras, since it is done here
            x = self._minibatches(*data, shuffle=shuffle)
        elif not isinstance(x, keras.utils.PyDataset):
            kwargs["shuffle"] = False  # what Keras cannot shuffle
        warn_of_no_effect(self.graph, self._trained_probes(), n_steps)
        self.graph.keeps_state.assign(stateful)
        options = self._checked(kwargs)
        with self.graph.errors_as_raised():
            return model.fit(x, **options)

    def evaluate(
        self, x: Any, y: Any, n_steps: int | None, stateful: bool, **kwargs: Any
    ) -> dict[str, float]:
        """Compute losses and metrics; see `Simulator.evaluate`."""
        model = self._compiled("evaluate")
        if not _is_dynamic(x):
            data = self._data(x, y, n_steps, kwargs.pop("sample_weight", None))
            x = self._minibatches(*data)
        self.graph.keeps_state.assign(stateful)
        options = {"verbose": 0, **self._checked(kwargs), "return_dict": True}
        with self.graph.errors_as_raised():
            return model.evaluate(x, **options)

    def _compiled(self, method: str) -> SimulationModel:
        if self._trained is None:
            raise ValidationError(
                f"call Simulator.compile before {method}", attr="loss"
            )
        return self._trained

    def _trained_probes(self) -> dict[nengo.Probe, str]:
        """The probes that the loss and metrics are about, and their names."""
        by_name = {name: probe for probe, name in self.graph.probe_names.items()}
        return {by_name[name]: name for name in self._compiled("fit").output_names}

    def _checked(self, options: dict[str, Any]) -> dict[str, Any]:
        """Refuse what would have no effect."""
        for name in ("batch_size", "validation_batch_size"):
            size = options.pop(name, None)
            if size not in (None, self.graph.minibatch_size):
                raise ValidationError(
                    f"minibatches have minibatch_size = {self.graph.minibatch_size} "
                    f"samples, as the simulator was built; for others build one with "
                    f"minibatch_size={size}",
                    attr=name,
                )
        if options.get("class_weight") is not None:
            raise ValidationError(
                "datasets and generators give the weights of their samples themselves",
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
        for node, value in values.items():
            tiled = np.tile(np.swapaxes(value, 0, 1), (repeats, 1, 1))
            arrays[node] = tiled[:batch_size]
        inputs = {
            graph.input_names[node]: array.astype(graph.float_type)
            for node, array in arrays.items()
        }
        inputs["n_steps"] = np.full((batch_size, 1), n_steps, np.int32)
        return inputs, batch_size

    def _data(
        self,
        x: Any,
        y: Any,
        n_steps: int | None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
    ) -> tuple[tuple[Any, ...], int]:
        """Inputs, targets and weights of all samples, and the number of samples."""
        inputs, batch_size = self._inputs(x, n_steps)
        trained = self._trained_probes()
        every = self.graph.probe_names if isinstance(y, Mapping) else trained
        targets = by_object(y, every, "Probe")
        check_shapes(targets, every, batch_size, None)
        if set(targets) != set(trained):
            raise ValidationError(
                f"targets are needed for the probes {list(trained.values())}, which "
                "the loss and metrics are about, but are given for "
                f"{[every[probe] for probe in targets]}",
                attr="y",
            )
        n_steps = int(inputs["n_steps"][0, 0])
        for probe, target in targets.items():
            keeps = get_setting(self.graph.model, "keep_history", True, probe)
            steps = n_steps if keeps else 1
            if target.shape[1] > steps:
                raise ValidationError(
                    f"the targets for {trained[probe]!r} have {target.shape[1]} steps, "
                    f"but the probe gives only {steps}",
                    attr="y",
                )
        given = {trained[probe]: target for probe, target in targets.items()}
        weights = self._weights(sample_weight, given, batch_size)
        if class_weight is not None:
            weights = _with_classes(class_weight, given, weights)
        return (inputs, given, *([weights] if weights else [])), batch_size

    def _weights(
        self, sample_weight: Any, targets: Mapping[str, Array], batch_size: int
    ) -> dict[str, Array]:
        """The weights of samples, or of their steps, by name, if there are any."""
        if sample_weight is None:
            return {}
        if isinstance(sample_weight, Mapping):
            given = self._by_name(sample_weight, "sample_weight")
        else:
            given = dict.fromkeys(targets, sample_weight)
        weights = {}
        for name, target in targets.items():
            weight = np.asarray(given.get(name, np.ones(batch_size)), np.float32)
            weight = weight[:, None] if weight.ndim == 1 else weight
            if weight.shape not in ((batch_size, 1), target.shape[:2]):
                raise ValidationError(
                    f"must have shape ({batch_size},), ({batch_size}, 1) or "
                    f"{target.shape[:2]}, not {np.shape(given[name])}",
                    attr="sample_weight",
                )
            weights[name] = weight
        return weights

    def _minibatches(
        self,
        data: tuple[Any, ...],
        batch_size: int,
        shuffle: bool = False,
        fill: bool = False,
    ) -> tf.data.Dataset:
        """Minibatches of samples, one for each replica.

        To ``fill`` the last one is to repeat the last sample, so that it needs no
        executable of its own.
        """
        size = self.graph.minibatch_size * self._strategy.num_replicas_in_sync
        data = tf.nest.map_structure(tf.constant, data)
        samples = tf.data.Dataset.range(-(-batch_size // size) * size)
        if fill:
            samples = samples.map(lambda i: tf.minimum(i, batch_size - 1))
        else:
            samples = samples.take(batch_size)
        if shuffle:
            self._shuffles += 1  # as in every other process, if there are several
            seed = self.graph.seeds.seed + self._shuffles
            samples = samples.shuffle(batch_size, seed=seed)

        def gathered(index: tf.Tensor) -> Any:
            batch = tf.nest.map_structure(lambda x: tf.gather(x, index), data)
            return batch if len(batch) > 1 else batch[0]

        options = tf.data.Options()
        shard = tf.data.experimental.AutoShardPolicy.DATA
        options.experimental_distribute.auto_shard_policy = shard
        samples = samples.batch(size, drop_remainder=batch_size % size == 0 or fill)
        return samples.map(gathered).with_options(options)

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


def _with_classes(
    class_weight: Mapping[int, float],
    targets: Mapping[str, Array],
    weights: Mapping[str, Array],
) -> dict[str, Array]:
    """Weights of samples times those of the classes that their targets are."""
    if len(targets) > 1:
        raise ValidationError(
            "Keras defines class weights for a single output; use sample_weight",
            attr="class_weight",
        )
    ((name, target),) = targets.items()
    one_hot = target.shape[-1] > 1
    classes = target.argmax(-1) if one_hot else np.rint(target[..., 0]).astype(int)
    by_class = [class_weight.get(int(x), 1.0) for x in classes.ravel()]
    return {
        name: np.reshape(by_class, classes.shape).astype(np.float32)
        * weights.get(name, 1)
    }
