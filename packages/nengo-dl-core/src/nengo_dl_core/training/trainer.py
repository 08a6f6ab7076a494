"""Running and training the simulation through Keras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import nengo
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.exceptions import SimulationError, ValidationError

from nengo_dl_core.engine.runner import Runner
from nengo_dl_core.network.inputs import ProcessInput
from nengo_dl_core.training.data_arguments import by_object
from nengo_dl_core.training.datasets import is_dynamic, refuse_beside_dataset
from nengo_dl_core.training.effect_checks import warn_of_no_effect
from nengo_dl_core.training.keras_models import KerasModels
from nengo_dl_core.training.samples import (
    MinibatchInputs,
    Samples,
    given_inputs,
    inputs_of,
)
from nengo_dl_core.training.simulation_layer import SimulationLayer
from nengo_dl_core.training.targets import with_targets

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
        self.models = KerasModels(layer)
        self._n_fits = 0  # as in every other process, if there are several

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
        keep = stateful and self._program.stateful
        results = [
            np.empty(
                (n_samples, n_steps if data.keep_history else 1, *data.item_shape[1:]),
                data.dtype,
            )
            for data in self._session.records.values()
        ]
        self._runner.leave_numpy()
        with self._session.transaction(keep):
            start = self._session.state() if n_samples > size and not keep else None
            for first in range(0, n_samples, size):
                if start is not None and first:
                    self._session.restore(start)
                rows: Any = slice(first, first + size)
                if first + size > n_samples:  # the last one is repeated
                    rows = np.minimum(np.arange(first, first + size), n_samples - 1)
                minibatch = {node: array[rows] for node, array in arrays.items()}
                found = [result[first : first + size] for result in results]
                self._runner.collect(n_steps, minibatch, found)
                bar.update(first // size + 1)
        return dict(zip(self._program.probes, results, strict=True))

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
            outputs = keras.Model.predict(self.models.all_probes, x, **options)
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
        model = self.models.measuring("fit", as_trained=not spiking)
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
                seed = self._next_seed()
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
            warn_of_no_effect(self._program, self.models.measured(), n_steps)
            return keras.Model.fit(model, x, **self._checked(kwargs))

    def _next_seed(self) -> int:
        """The seed of the next training."""
        self._n_fits += 1
        return self._session.seeds.seed + self._n_fits

    def train_on_batch(
        self, x: Any, y: Any, n_steps: int | None, stateful: bool, **kwargs: Any
    ) -> dict[str, float]:
        """Train with a minibatch; see `Simulator.train_on_batch`."""
        model = self.models.measuring("train_on_batch", as_trained=True)
        self._check_trained()
        method = keras.Model.train_on_batch
        return self._on_batch(method, model, x, y, n_steps, stateful, True, **kwargs)

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
        model = self.models.measuring("test_on_batch", as_trained=not spiking)
        method = keras.Model.test_on_batch
        return self._on_batch(method, model, x, y, n_steps, stateful, False, **kwargs)

    def _on_batch(
        self,
        method: Callable[..., dict[str, float]],
        model: keras.Model,
        x: Any,
        y: Any,
        n_steps: int | None,
        stateful: bool,
        trains: bool,
        **weights: Any,
    ) -> dict[str, float]:
        """Call one of Keras' methods for a single minibatch.

        Before version 3.15 it would return means over all minibatches so far.
        """
        samples = self._samples(x, y, n_steps, **weights)
        if samples.n_samples > self._program.minibatch_size:
            raise ValidationError(
                f"there must be at most {self._program.minibatch_size} samples, the "
                f"minibatch_size, not {samples.n_samples}",
                attr="x",
            )
        model.reset_metrics()
        with self._layer.borrowed(stateful, trains):
            seed = self._next_seed() if trains else None
            evaluated = self._evaluated(x, samples.n_steps, stateful, seed)
            if evaluated is not None:
                samples = samples.with_inputs(evaluated)
            return method(model, *samples.tensors(), return_dict=True)

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
        model = self.models.measuring("evaluate", as_trained=not spiking)
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
            sample_weight = self.models.by_name(sample_weight, "sample_weight")
        inputs = inputs_of(self._session, x, n_steps)
        return with_targets(
            self._program,
            inputs,
            y,
            self.models.measured(),
            sample_weight,
            class_weight,
            self.models.of_classes,
        )

    def _minibatches(
        self,
        samples: Samples,
        shuffle_seed: int | None = None,
        fill: bool = False,
        evaluated: MinibatchInputs | None = None,
    ) -> tf.data.Dataset:
        """Minibatches of samples, one for each replica."""
        n_replicas = self._strategy.num_replicas_in_sync
        size = self._program.minibatch_size * n_replicas
        left = samples.n_samples % size
        if left and not fill and -(-left // -(-left // n_replicas)) < n_replicas:
            raise ValidationError(
                f"of {samples.n_samples} samples, {left} would be left for a last "
                f"minibatch, which {n_replicas} replicas cannot share: give {left} "
                "less",
                attr="x",
            )
        return samples.minibatches(size, shuffle_seed, fill, evaluated)
