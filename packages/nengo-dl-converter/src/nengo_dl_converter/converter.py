"""Conversion of a Keras model to a Nengo network."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import keras
import nengo

from nengo_dl_core import configure_settings

from . import cost, keras_graph, verification
from .activation_functions import Activation
from .activations import ActivationMap
from .checks import check_calibration, check_scales, check_shapes, check_steps
from .converted_model import ConvertedModel
from .cost import Cost
from .few_steps.calibration import calibrate as calibrated
from .few_steps.calibration import spiking_swaps
from .few_steps.results import Calibration
from .keras_graph import Call, count_calls, functional_form
from .layer_converter import LayerConverter, one_or_list
from .populations import Populations
from .registry import Converts, registry
from .report import Report
from .selection import choose_class
from .tensor_dict import KerasTensorDict


class Converter:
    """Makes a Nengo network that computes what a Keras model computes.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential model. It is not changed.
    allow_fallback : bool
        Insert layers without native form as TensorNodes. Such a network runs in the
        NengoDL simulator alone. If False, they are an error.
    inference_only : bool
        Allow forms that match the Keras model in inference but not in training.
    max_to_avg_pool : bool
        Convert max pooling to average pooling. This changes what the network computes,
        so it will have to be trained again.
    split_shared_weights : bool
        Give each call of a layer weights of its own, which start equal but may diverge
        in training. If False, a layer with weights that is called several times has no
        native form, since Nengo has no shared weights.
    swap_activations : dict of {activation: activation}
        Replaces activations. Keys and values are Keras or TensorFlow activation
        functions or Nengo neuron types, for example
        ``{tf.nn.relu: nengo.SpikingRectifiedLinear()}``.
    scale_firing_rates : float or dict of {keras.Layer: float}
        Multiplies the input of neurons, and divides their output, by this number: for
        all layers, or for each one in the dict. Linear neurons spike more often for the
        same output; others are skewed by it.
    synapse : float or nengo.synapses.Synapse
        Filter on the output of all neurons (a float is the time constant of a Lowpass,
        in seconds).
    temporal_model : bool
        The tensors of the Keras model have the shape ``(batch_size, n_steps, ...)``.
    calibrate : list of numpy.ndarray, optional
        Samples for the model's inputs, ``(n_samples, ...)``; one array if it has one
        input. ReLUs, with or without maximum, become `SpikingQuantizedReLU` neurons,
        and their thresholds, biases and initial voltages are chosen such that the mean
        output of ``n_steps`` steps is close to that of the model. Some hundred samples
        are enough; each takes some times ``4 * n_steps`` bytes for every neuron.
    n_steps : int, optional
        How many steps to calibrate for.

    Attributes
    ----------
    model : keras.Model
        The model, as functional model.
    net : nengo.Network
        The converted network.
    inputs : Converter.KerasTensorDict
        From the inputs of the model to Nodes.
    outputs : Converter.KerasTensorDict
        From the outputs of the model to Probes.
    layers : Converter.KerasTensorDict
        From the layers of the model, and the tensors between them, to the objects whose
        output is theirs.
    calibration : Calibration or None
        What calibration has gained, step by step; prints as a table.

    Raises
    ------
    ConversionError
        If the model, or a layer of it, cannot be converted or calibrated.
    ValueError
        If ``calibrate`` and ``n_steps`` do not go together, or contradict others.

    Examples
    --------
    >>> import keras, nengo
    >>> from nengo_dl_converter import Converter
    >>> inputs = keras.Input((4,))
    >>> outputs = keras.layers.Dense(3, activation="relu")(inputs)
    >>> converter = Converter(keras.Model(inputs, outputs), allow_fallback=False)
    >>> with nengo.Simulator(converter.net, progress_bar=False) as sim:
    ...     sim.run_steps(10)
    >>> sim.data[converter.outputs[outputs]].shape
    (10, 3)
    """

    KerasTensorDict = KerasTensorDict

    def __init__(
        self,
        model: keras.Model,
        allow_fallback: bool = True,
        inference_only: bool = False,
        max_to_avg_pool: bool = False,
        split_shared_weights: bool = False,
        swap_activations: Mapping[Activation, Activation] | None = None,
        scale_firing_rates: float | Mapping[keras.Layer, float] | None = None,
        synapse: float | nengo.synapses.Synapse | None = None,
        temporal_model: bool = False,
        calibrate: Any = None,
        n_steps: int | None = None,
    ) -> None:
        self.model = functional = functional_form(model)
        batch_axes = 2 if temporal_model else 1
        check_shapes(functional, batch_axes)
        self.allow_fallback = allow_fallback
        self.inference_only = inference_only
        self.max_to_avg_pool = max_to_avg_pool
        self.split_shared_weights = split_shared_weights
        self.scale_firing_rates = scale_firing_rates
        self.temporal_model = temporal_model
        self._n_calls = count_calls(functional)
        swaps = {} if calibrate is None else spiking_swaps(self._n_calls)
        check_calibration(
            calibrate is not None,
            n_steps,
            swaps,
            swap_activations or {},
            temporal_model=temporal_model,
            max_to_avg_pool=max_to_avg_pool,
            synapse=synapse,
        )
        self.activations = ActivationMap(swap_activations, swaps)
        self.populations = Populations(synapse, allow_fallback)
        same: dict[keras.KerasTensor, list[keras.KerasTensor]] = {}
        self.layers = KerasTensorDict(same)
        self.inputs = KerasTensorDict(same)
        self.outputs = KerasTensorDict(same)
        self._converters: dict[Any, LayerConverter] = {}
        check_scales(scale_firing_rates, functional, self._n_calls)

        self.net = nengo.Network(label=functional.name)
        with self.net:
            self._configure()
            self.convert_call(
                functional, outputs=functional.outputs, batch_axes=batch_axes
            )
            for tensor in functional.inputs:
                self.inputs[tensor] = self.layers[tensor]
            for tensor in functional.outputs:
                obj = self.layers[tensor]
                self.outputs[tensor] = nengo.Probe(
                    obj, synapse=self.populations.output_synapse(obj)
                )
        for layer, made in self._converters.items():
            same.update(keras_graph.same_tensors(layer, made.calls))
        if unused := self.activations.unused():
            warnings.warn(
                f"swap_activations names {unused}, which no layer of "
                f"{functional.name!r} has as its activation",
                stacklevel=2,
            )
        self.calibration: Calibration | None = None
        if calibrate is not None and n_steps is not None:
            self.calibration = calibrated(self._converted(), calibrate, n_steps)

    def _configure(self) -> None:
        configure_settings(trainable=None, firing_rate_scale=None)
        precise = any(x.dtype == "float64" for x in self.model.outputs)
        if precise and nengo.Network.context[0] is self.net:
            configure_settings(dtype="float64")

    @classmethod
    def register(cls, keras_layer: type) -> Callable[[Converts], Converts]:
        """Decorate the class that converts a type of layer.

        Parameters
        ----------
        keras_layer : type
            The type of layer, exactly: its subclasses are registered for themselves.

        Returns
        -------
        decorator : callable
            Takes the `LayerConverter` class and returns it.
        """
        return registry.register(keras_layer)

    def get_converter(
        self, layer: keras.Layer, batch_axes: int | None = None
    ) -> LayerConverter:
        """Return the object that converts a layer, one for all of its calls.

        Parameters
        ----------
        layer : keras.Layer
            The layer.
        batch_axes : int, optional
            How many axes come before those that the layer works on: 1, or 2 if it works
            on each step of a temporal model. By default, those of the whole model.

        Returns
        -------
        converter : LayerConverter
            Instance of the registered class, or of `ConvertFallback`.

        Raises
        ------
        ConversionError
            If the layer has no native form and ``allow_fallback`` is False.
        """
        if layer not in self._converters:
            in_time = batch_axes == 2 if batch_axes else self.temporal_model
            kind = choose_class(layer, self, in_time, self._n_sharing(layer))
            self._converters[layer] = kind(layer, self)
        return self._converters[layer]

    def _n_sharing(self, layer: Any) -> int:
        """Count the calls that would share weights; 1 if they need not."""
        trained = isinstance(layer, keras.Layer) and layer.trainable
        split = self.split_shared_weights or self.inference_only or not trained
        return 1 if split else self._n_calls[layer]

    def convert_call(
        self,
        layer: keras.Layer,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] = MappingProxyType({}),
        outputs: Sequence[keras.KerasTensor] | None = None,
        batch_axes: int = 1,
    ) -> tuple[keras.KerasTensor, ...]:
        """Convert a call of a layer.

        Parameters
        ----------
        layer : keras.Layer
            The layer.
        args : tuple
            Its arguments; the tensors among them have been converted.
        kwargs : dict
            Its keyword arguments, likewise.
        outputs : sequence of keras.KerasTensor, optional
            The tensors to stand for its outputs; new ones are made if not given.
        batch_axes : int
            How many axes come before those that the layer works on.

        Returns
        -------
        outputs : tuple of keras.KerasTensor
            Tensors whose objects are in `layers`.
        """
        if outputs is None:
            outputs = keras.tree.flatten(layer.compute_output_spec(*args, **kwargs))
        call = Call(layer, args, kwargs, tuple(outputs), batch_axes)
        if batch_axes > 1:
            check_steps(call)
        converter = self.get_converter(layer, batch_axes)
        converter.calls.append(call)
        converted = converter.convert(node_id=len(converter.calls) - 1)
        objs = converted if isinstance(converted, list) else [converted]
        for tensor, obj in zip(outputs, objs, strict=True):
            self.layers[tensor] = obj
        converter.outputs.append(converted)
        self.layers[layer] = one_or_list(converter.outputs)
        return tuple(outputs)

    def verify(
        self,
        training: bool = False,
        inputs: Sequence[Any] | None = None,
        atol: float = 1e-8,
        rtol: float = 1e-5,
    ) -> bool:
        """Check that the network computes what the Keras model computes.

        Neither the Keras model nor the network is changed. The network runs for one
        step, so neurons must not spike and have no synapse.

        Parameters
        ----------
        training : bool
            Compare the outputs after training both, by some steps of gradient descent
            on random targets.
        inputs : list of numpy.ndarray, optional
            Values of the model's inputs, ``(batch_size, ...)``, in a temporal model
            ``(batch_size, n_steps, ...)``; one array if it has one input; by default
            ones.
        atol : float
            Difference that is allowed.
        rtol : float
            Difference that is allowed besides, as a fraction of the largest magnitude
            of an output in Nengo.

        Returns
        -------
        success : bool
            True.

        Raises
        ------
        VerificationError
            If an output differs by more (a ValueError, with a report on all layers).
        """
        return verification.verify(self._converted(), inputs, training, atol, rtol)

    def compare(
        self,
        inputs: Sequence[Any] | None = None,
        n_steps: int = 1,
        settle: int = 0,
        training: bool = False,
    ) -> Report:
        """Compare each layer of the network with the Keras model.

        This tells how well a spiking network approximates the Keras model, and which
        layer is the first that does not.

        Parameters
        ----------
        inputs : list of numpy.ndarray, optional
            Values of the model's inputs, as for `verify`.
        n_steps : int
            How long to present each example, in steps. The output of a layer is the
            mean of these steps, except in a temporal model, where each is compared.
        settle : int
            How many steps at the beginning are left out.
        training : bool
            Compare after training both, as `verify` does.

        Returns
        -------
        report : Report
            Differences and firing rates; prints as a table, and plots.
        """
        return verification.compare(
            self._converted(), inputs, n_steps, settle, training
        )

    def cost(self, inputs: Sequence[Any] | None = None, n_steps: int = 1) -> Cost:
        """Measure the operations of an inference, and estimate its energy.

        What is counted, and how, says `nengo_dl_core.measure`. What is not, as
        TensorNodes, is named.

        Parameters
        ----------
        inputs : list of numpy.ndarray, optional
            Values of the model's inputs, as for `verify`.
        n_steps : int
            How long each example is presented, in steps.

        Returns
        -------
        cost : Cost
            Of the network, beside the Keras model; prints as a table.
        """
        return cost.estimate(self._converted(), inputs, n_steps)

    def _converted(self) -> ConvertedModel:
        return ConvertedModel(
            self.model,
            self.net,
            self.inputs,
            self.outputs,
            self.temporal_model,
            calls={layer: made.outputs for layer, made in self._converters.items()},
            neurons=self.populations.neurons,
        )

    @property
    def counts_spikes(self) -> bool:
        """Whether values are means over several steps, because neurons spike.

        In a temporal model each step has its own value, in spikes too.
        """
        return self.populations.spiking and not self.temporal_model

    def scale_of(self, layer: keras.Layer) -> float:
        """Return the scale of the firing rates in a layer."""
        if isinstance(self.scale_firing_rates, Mapping):
            return self.scale_firing_rates.get(layer, 1.0)
        return 1.0 if self.scale_firing_rates is None else self.scale_firing_rates
