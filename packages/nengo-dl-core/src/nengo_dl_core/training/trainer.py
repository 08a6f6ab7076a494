"""Running and training the simulation through Keras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any

import keras
import nengo
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.exceptions import SimulationError, ValidationError

from nengo_dl_core.engine.runner import Runner
from nengo_dl_core.network.inputs import ProcessInput
from nengo_dl_core.network.names import RESERVED, free_name
from nengo_dl_core.training.data_arguments import by_found_object, by_object
from nengo_dl_core.training.datasets import is_dynamic, refuse_beside_dataset
from nengo_dl_core.training.effect_checks import warn_of_no_effect
from nengo_dl_core.training.keras_model import SimulationModel
from nengo_dl_core.training.samples import (
    MinibatchInputs,
    Samples,
    given_inputs,
    inputs_of,
    with_targets,
)
from nengo_dl_core.training.simulation_layer import SimulationLayer

Array = npt.NDArray[Any]


class Trainer:
    """Predicts, trains and evaluates, minibatch by minibatch.

    Parameters
    ----------
    layer : SimulationLayer
        The simulation as a Keras layer.
    runner : Runner
        Runs it without Keras.
    """

    def __init__(self, layer: SimulationLayer, runner: Runner) -> None:
        self._layer = layer
        self._session = layer.session
        self._program = layer.program
        self._runner = runner
        self._strategy = tf.distribute.get_strategy()
        self._n_fits = 0  # as in every other process, if there are several
        self._compiled_with: dict[str, Any] | None = None
        self._trained: dict[bool, SimulationModel] = {}

    @cached_property
    def _inputs(self) -> dict[str, Any]:
        """Inputs of the models, by name."""
        n_steps, inputs = self._layer.build_inputs()
        named = {self._program.input_names[node]: x for node, x in inputs.items()}
        return {**named, "n_steps": n_steps}

    def _outputs(self, as_trained: bool) -> dict[str, Any]:
        """Outputs of a model, by name."""
        outputs = self._layer(self._inputs, as_trained=as_trained)
        used = {*self._inputs, *RESERVED}
        for name, x in outputs.items():  # a Node may have the name of a Probe
            used.add(layer := free_name(name, used))
            outputs[name] = keras.layers.Identity(name=layer, dtype=x.dtype)(x)
        return outputs

    @cached_property
    def model(self) -> SimulationModel:
        """The model that puts out all probes."""
        if not self._program.probes:
            raise ValidationError(
                "a Keras model needs something to put out: add a Probe to the network",
                attr="keras_model",
            )
        with self._strategy.scope():
            model = SimulationModel(self._layer, self._inputs, self._outputs(False))
            # the layer compiles its loops
            model.compile(optimizer=None, jit_compile=False)
        if self._compiled_with is not None:
            model.optimizer = self._compiled_with["optimizer"]
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
        names = self._program.probe_names.values()
        if not measured.intersection(names):
            raise ValidationError(
                "give a loss or metrics for some probe, after the optimizer or by name",
                attr="loss",
            )
        arguments = {
            "jit_compile": False,
            **{key: values or None for key, values in by_name.items()},
            **kwargs,
            "optimizer": self._optimizer(kwargs.get("optimizer", "rmsprop")),
        }
        model = self._measuring(arguments, as_trained=True)
        with self._strategy.scope():
            if "optimizer" in kwargs:  # so that its state can be loaded
                model.optimizer.build(model.trainable_variables)
        self._trained = {True: model}
        # Keras may have wrapped the optimizer
        self._compiled_with = {**arguments, "optimizer": model.optimizer}
        if "model" in self.__dict__:
            self.model.optimizer = model.optimizer

    def _measuring(
        self, arguments: Mapping[str, Any], as_trained: bool
    ) -> SimulationModel:
        """A model of the probes that losses and metrics are about.

        Of these alone, so that Keras asks for no other targets.
        """
        outputs = self._outputs(as_trained)
        measures = ("loss", "metrics", "weighted_metrics", "loss_weights")
        given = [arguments[key] or {} for key in measures]
        measured = {x: outputs[x] for x in outputs if any(x in y for y in given)}
        with self._strategy.scope():
            model = SimulationModel(self._layer, self._inputs, measured)
            model.compile(**arguments)
        return model

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

    def _compiled(self, method: str, as_trained: bool) -> SimulationModel:
        """The model of losses and metrics, once it is compiled.

        Evaluation of it is ``as_trained``, or in spikes.
        """
        if self._compiled_with is None:
            raise ValidationError(
                f"call Simulator.compile before {method}", attr="loss"
            )
        if as_trained not in self._trained:
            model = self._measuring(self._compiled_with, as_trained)
            self._trained[as_trained] = model
        return self._trained[as_trained]

    def _by_name(self, values: Any, attr: str) -> dict[str, Any]:
        """What is given for Probes, as a dictionary of their names."""
        names = self._program.probe_names
        if values is None:
            return {}
        if isinstance(values, Mapping):
            found = by_found_object(values, names, "Probe", attr)
            return {names[probe]: value for probe, value in found.items()}
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
        options = {"verbose": 0, **self._checked(kwargs)}
        if is_dynamic(x):
            refuse_beside_dataset(n_steps=n_steps)
        if is_dynamic(x) or set(options) != {"verbose"} or not self._predicts_as_runs:
            return self._predict_by_keras(x, n_steps, stateful, options)
        arrays, n_samples, n_steps = given_inputs(self._program, x, n_steps)
        size = self._program.minibatch_size
        bar = keras.utils.Progbar(-(-n_samples // size), verbose=options["verbose"])
        values, keep = [], stateful and self._program.stateful
        with self._session.transaction(keep):
            start = self._session.state() if n_samples > size and not keep else None
            for first in range(0, n_samples, size):
                if start is not None and first:
                    self._session.restore(start)
                rows = np.minimum(np.arange(first, first + size), n_samples - 1)
                minibatch = {node: array[rows] for node, array in arrays.items()}
                values.append(self._runner.collect(n_steps, minibatch))
                bar.update(len(values))
        return {
            probe: np.concatenate(pieces)[:n_samples]
            for probe, *pieces in zip(self._program.probes, *values, strict=True)
        }

    @property
    def _predicts_as_runs(self) -> bool:
        """Whether runs give what predictions do, which have all steps of all probes."""
        sampled = any(data.period > 1 for data in self._session.records.values())
        return not (sampled or self._layer.held.distributed)

    def _predict_by_keras(
        self, x: Any, n_steps: int | None, stateful: bool, options: dict[str, Any]
    ) -> dict[nengo.Probe, Array]:
        """Simulate what only Keras knows how to divide, or to distribute."""
        n_samples = None
        with self._layer.borrowed(stateful):
            if not is_dynamic(x):
                samples = inputs_of(self._session, x, n_steps)
                n_samples = samples.n_samples
                evaluated = self._evaluated(x, samples.n_steps, stateful)
                x = self._minibatches(samples, fill=True, evaluated=evaluated)
            outputs = keras.Model.predict(self.model, x, **options)
        return {
            probe: outputs[name][:n_samples]
            for probe, name in self._program.probe_names.items()
        }

    def predict_on_batch(
        self, x: Any, n_steps: int | None, stateful: bool, **kwargs: Any
    ) -> dict[nengo.Probe, Array]:
        """Simulate a minibatch; see `Simulator.predict_on_batch`."""
        _, n_samples, _ = given_inputs(self._program, x, n_steps)
        if n_samples != self._program.minibatch_size:
            raise ValidationError(
                f"there must be minibatch_size = {self._program.minibatch_size} "
                f"samples, not {n_samples}",
                attr="x",
            )
        return self.predict(x, n_steps, stateful, **kwargs)

    def fit(
        self,
        x: Any,
        y: Any,
        n_steps: int | None,
        stateful: bool,
        spiking: bool,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Train; see `Simulator.fit`."""
        model = self._compiled("fit", as_trained=not spiking)
        self._check_trained()
        split = kwargs.pop("validation_split", 0.0)
        validation = kwargs.get("validation_data")
        if validation is not None and not is_dynamic(validation):
            x_validation, y_validation, *weight = validation
            held_out = self._samples(x_validation, y_validation, n_steps, *weight)
            kwargs["validation_data"] = self._minibatches(held_out)
        with self._layer.borrowed(stateful, trains=True):
            if not is_dynamic(x):
                samples = self._samples(
                    x,
                    y,
                    n_steps,
                    kwargs.pop("sample_weight", None),
                    kwargs.pop("class_weight", None),
                )
                n_steps = samples.n_steps
                if split and validation is None:
                    samples, held_out = samples.split(split)
                    kwargs["validation_data"] = self._minibatches(held_out)
                self._n_fits += 1
                seed = self._session.seeds.seed + self._n_fits
                evaluated = self._evaluated(x, n_steps, stateful, seed)
                shuffle = seed if kwargs.pop("shuffle", True) else None
                x = self._minibatches(samples, shuffle, evaluated=evaluated)
                kwargs["shuffle"] = False  # by Keras, since it is done here
            else:
                refuse_beside_dataset(
                    y=y,
                    n_steps=n_steps,
                    validation_split=split or None,
                    sample_weight=kwargs.pop("sample_weight", None),
                )
                if not isinstance(x, keras.utils.PyDataset):
                    kwargs["shuffle"] = False  # what Keras cannot shuffle
            warn_of_no_effect(self._program, self._trained_probes(), n_steps)
            return keras.Model.fit(model, x, **self._checked(kwargs))

    def train_on_batch(
        self, x: Any, y: Any, n_steps: int | None, stateful: bool, **kwargs: Any
    ) -> dict[str, float]:
        """Train with a minibatch; see `Simulator.train_on_batch`."""
        model = self._compiled("train_on_batch", as_trained=True)
        self._check_trained()
        method = partial(keras.Model.train_on_batch, model)
        return self._on_batch(method, x, y, n_steps, stateful, True, **kwargs)

    def test_on_batch(
        self,
        x: Any,
        y: Any,
        n_steps: int | None,
        stateful: bool,
        spiking: bool,
        **kwargs: Any,
    ) -> dict[str, float]:
        """Evaluate a minibatch; see `Simulator.test_on_batch`."""
        model = self._compiled("test_on_batch", as_trained=not spiking)
        method = partial(keras.Model.test_on_batch, model)
        return self._on_batch(method, x, y, n_steps, stateful, False, **kwargs)

    def _on_batch(
        self,
        method: Callable[..., dict[str, float]],
        x: Any,
        y: Any,
        n_steps: int | None,
        stateful: bool,
        trains: bool,
        **weights: Any,
    ) -> dict[str, float]:
        """Call one of Keras' methods for a single minibatch."""
        samples = self._samples(x, y, n_steps, **weights)
        if samples.n_samples > self._program.minibatch_size:
            raise ValidationError(
                f"there must be at most minibatch_size = {self._program.minibatch_size} "
                f"samples, not {samples.n_samples}",
                attr="x",
            )
        given = (samples.inputs, samples.targets, samples.weights)
        tensors = [
            {name: tf.convert_to_tensor(array) for name, array in arrays.items()}
            for arrays in given
            if arrays
        ]
        with self._layer.borrowed(stateful, trains):
            return method(*tensors, return_dict=True)

    def _check_trained(self) -> None:
        if self._program.setting("inference_only", False):
            raise SimulationError(
                "the network cannot be trained, since it sets inference_only=True"
            )

    def evaluate(
        self,
        x: Any,
        y: Any,
        n_steps: int | None,
        stateful: bool,
        spiking: bool,
        **kwargs: Any,
    ) -> dict[str, float]:
        """Compute losses and metrics; see `Simulator.evaluate`."""
        model = self._compiled("evaluate", as_trained=not spiking)
        sample_weight = kwargs.pop("sample_weight", None)
        if is_dynamic(x):
            refuse_beside_dataset(y=y, n_steps=n_steps, sample_weight=sample_weight)
        with self._layer.borrowed(stateful):
            if not is_dynamic(x):
                samples = self._samples(x, y, n_steps, sample_weight)
                evaluated = self._evaluated(x, samples.n_steps, stateful)
                x = self._minibatches(samples, evaluated=evaluated)
            options = {"verbose": 0, **self._checked(kwargs), "return_dict": True}
            return keras.Model.evaluate(model, x, **options)

    def _evaluated(
        self, x: Any, n_steps: int, stateful: bool, seed: int | None = None
    ) -> MinibatchInputs | None:
        """Input Nodes whose values are not the same for all minibatches.

        With state all that change go on from one minibatch to the next. Without it,
        processes have other noise in each minibatch of a training, which has a seed.
        """
        program = self._program
        stateful = stateful and program.stateful
        given = by_object(x, program.input_names, "input Node")
        sources = [
            source
            for source in program.inputs
            if source.node not in given
            and not source.constant
            and (stateful or (seed is not None and isinstance(source, ProcessInput)))
        ]
        if not sources:
            return None
        n_replicas = self._strategy.num_replicas_in_sync
        return MinibatchInputs(
            self._session, sources, n_steps, n_replicas, None if stateful else seed
        )

    def _trained_probes(self) -> dict[nengo.Probe, str]:
        """The probes that the loss and metrics are about, and their names."""
        (model, *_) = self._trained.values()
        names = self._program.probe_names
        return {
            probe: name for probe, name in names.items() if name in model.output_names
        }

    def _checked(self, options: dict[str, Any]) -> dict[str, Any]:
        """Refuse what would have no effect."""
        for name in ("batch_size", "validation_batch_size"):
            size = options.pop(name, None)
            if size not in (None, self._program.minibatch_size):
                raise ValidationError(
                    f"minibatches have minibatch_size = {self._program.minibatch_size} "
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

    def _samples(
        self,
        x: Any,
        y: Any,
        n_steps: int | None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
    ) -> Samples:
        """What is trained or evaluated with."""
        if isinstance(sample_weight, Mapping):
            sample_weight = self._by_name(sample_weight, "sample_weight")
        inputs = inputs_of(self._session, x, n_steps)
        (model, *_) = self._trained.values()
        return with_targets(
            self._program,
            inputs,
            y,
            self._trained_probes(),
            sample_weight,
            class_weight,
            model.of_classes,
        )

    def _minibatches(
        self,
        samples: Samples,
        shuffle_seed: int | None = None,
        fill: bool = False,
        evaluated: MinibatchInputs | None = None,
    ) -> tf.data.Dataset:
        """Minibatches of samples, one for each replica."""
        size = self._program.minibatch_size * self._strategy.num_replicas_in_sync
        return samples.minibatches(size, shuffle_seed, fill, evaluated)
