"""The Keras models of a simulation: of all probes, and of those that are trained."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import keras
import nengo
import tensorflow as tf
from nengo.exceptions import ValidationError

from nengo_dl_core.network.names import RESERVED, free_name
from nengo_dl_core.training.data_arguments import by_found_object
from nengo_dl_core.training.keras_model import SimulationModel
from nengo_dl_core.training.simulation_layer import SimulationLayer


class KerasModels:
    """Makes Keras models around a simulation.

    They are not compiled with XLA: the layer compiles its loops, which is what gains.

    Parameters
    ----------
    layer : SimulationLayer
        The simulation as a Keras layer.
    """

    def __init__(self, layer: SimulationLayer) -> None:
        self._layer = layer
        self._program = layer.program
        self._strategy = tf.distribute.get_strategy()
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
    def all_probes(self) -> SimulationModel:
        """The model that puts out all probes."""
        if not self._program.probes:
            raise ValidationError(
                "a Keras model needs something to put out: add a Probe to the network",
                attr="keras_model",
            )
        with self._strategy.scope():
            model = SimulationModel(self._layer, self._inputs, self._outputs(False))
            model.compile(optimizer=None, jit_compile=False)
        if self._compiled_with is not None:
            model.optimizer = self._compiled_with["optimizer"]
        return model

    def compile(
        self, *, loss: Any, metrics: Any, loss_weights: Any, **kwargs: Any
    ) -> None:
        """Prepare training and evaluation; see `Simulator.compile`.

        Parameters
        ----------
        loss, metrics, loss_weights, **kwargs
            As there.
        """
        by_name = {
            "loss": self.by_name(loss, "loss"),
            "metrics": self.by_name(metrics, "metrics"),
            "weighted_metrics": self.by_name(
                kwargs.pop("weighted_metrics", None), "weighted_metrics"
            ),
        }
        if isinstance(loss_weights, (list, tuple)):  # in the order of the losses
            loss_weights = dict(zip(by_name["loss"], loss_weights, strict=True))
        by_name["loss_weights"] = self.by_name(loss_weights, "loss_weights")
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
        model = self._make_measuring(arguments, as_trained=True)
        with self._strategy.scope():
            if "optimizer" in kwargs:  # so that its state can be loaded
                model.optimizer.build(model.trainable_variables)
        self._trained = {True: model}
        # Keras may have wrapped the optimizer
        self._compiled_with = {**arguments, "optimizer": model.optimizer}
        if "all_probes" in self.__dict__:
            self.all_probes.optimizer = model.optimizer

    def _make_measuring(
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

    def measuring(self, method: str, as_trained: bool) -> SimulationModel:
        """The model of losses and metrics, once it is compiled.

        Parameters
        ----------
        method : str
            The method that needs it, for messages.
        as_trained : bool
            Whether it evaluates what training computes, and not spikes.

        Returns
        -------
        model : SimulationModel
            Has the probes that losses and metrics are about.

        Raises
        ------
        nengo.exceptions.ValidationError
            If it has not been compiled.
        """
        if self._compiled_with is None:
            raise ValidationError(
                f"call Simulator.compile before {method}", attr="loss"
            )
        if as_trained not in self._trained:
            model = self._make_measuring(self._compiled_with, as_trained)
            self._trained[as_trained] = model
        return self._trained[as_trained]

    def by_name(self, values: Any, attr: str) -> dict[str, Any]:
        """What is given for Probes, as a dictionary of their names.

        Parameters
        ----------
        values : dict or list or object
            By Probe, name or label; or in the order of the Probes; or one for all.
        attr : str
            Name of the argument.

        Returns
        -------
        by_name : dict of {str: object}
            The same by name.

        Raises
        ------
        nengo.exceptions.ValidationError
            If something is given for what is no Probe, or twice for one.
        """
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

    def measured(self) -> dict[nengo.Probe, str]:
        """The probes that the losses and metrics are about, and their names.

        Returns
        -------
        names : dict of {nengo.Probe: str}
            In the order of the network's probes.
        """
        (model, *_) = self._trained.values()
        names = self._program.probe_names
        return {
            probe: name for probe, name in names.items() if name in model.output_names
        }

    @property
    def of_classes(self) -> frozenset[str]:
        """Names of the probes whose targets may be numbers of classes."""
        (model, *_) = self._trained.values()
        return model.of_classes
