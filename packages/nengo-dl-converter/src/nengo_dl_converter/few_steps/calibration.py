"""Calibration of a spiking network from samples, layer by layer, without training.

The samples pass through the Keras model once, and then through spiking neurons for all
steps. Layers without neurons have no state, so steps are to them what items of a batch
are. Where a layer ends in spiking neurons, `choices` chooses what they are like, by the
spikes that arrive there and by what Keras has.

There is one such pass for each stage, which chooses one thing more than the passes
before. What does not bring the outputs of the model closer to Keras' is left out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, final

import keras
import numpy as np
from nengo.base import NengoObject
from nengo.ensemble import Neurons

from ..activation_functions import OPERATIONS, WithArguments, activation_of
from ..converted_model import ConvertedModel
from ..errors import ConversionError
from ..keras_graph import (
    Call,
    evaluate,
    functional_form,
    input_arrays,
    input_tensors,
    is_graph,
)
from .choices import CORRECTIONS, THRESHOLDS, TRAINED, Array, Choice, Chooser, judging
from .layer import QuantizedReLU
from .neurons import SpikingQuantizedReLU
from .results import Calibration, CalibrationStage, LayerCalibration

# Layers that apply an activation function to their input.
_ACTIVATIONS = (QuantizedReLU, keras.layers.ReLU, *OPERATIONS)
# In networks of spikes the largest of several inputs is that of the sums so far.
_COUNTED = (
    keras.layers.GlobalMaxPooling1D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.GlobalMaxPooling3D,
    keras.layers.MaxPooling1D,
    keras.layers.MaxPooling2D,
    keras.layers.MaxPooling3D,
    keras.layers.Maximum,
    keras.layers.Minimum,
)


def _is_rectified(activation: Any) -> bool:
    """Tell whether an activation, in canonical form, is a ReLU, with any maximum."""
    if isinstance(activation, WithArguments):
        names = {name for name, _ in activation.arguments}
        return activation.function is keras.activations.relu and names == {"max_value"}
    return activation in (keras.activations.relu, keras.activations.relu6)


def spiking_swaps(layers: Iterable[Any]) -> dict[Any, SpikingQuantizedReLU]:
    """Return the swaps that make spiking neurons of the ReLUs of layers."""
    activations = map(activation_of, layers)
    return {x: SpikingQuantizedReLU() for x in activations if _is_rectified(x)}


class _Walk(ABC):
    """One way of samples through a model, call by call.

    Parameters
    ----------
    converted : ConvertedModel
        The network beside its model.
    """

    def __init__(self, converted: ConvertedModel) -> None:
        self._converted = converted
        self._done: Counter[Any] = Counter()

    def walk(self, tensors: Sequence[Any]) -> tuple[Any, ...]:
        """Return the outputs of the model for tensors that stand for its inputs."""
        return evaluate(self._converted.model, tensors, self._compute)

    def _compute(
        self, call: Call, values: Mapping[keras.KerasTensor, Any]
    ) -> tuple[Any, ...]:
        """Compute a call; see `evaluate`."""
        layer = call.layer
        obj = self._converted.calls[layer][self._done[layer]]
        self._done[layer] += 1
        if is_graph(layer):
            given = [values[tensor] for tensor in call.inputs]
            return evaluate(functional_form(layer), given, self._compute)
        return tuple(self._call(call, obj, {x: values[x] for x in call.inputs}))

    @abstractmethod
    def _call(self, call: Call, obj: Any, given: Mapping[Any, Any]) -> Sequence[Any]:
        """Compute a call of a layer, whose outputs ``obj`` has in the network."""


@final
class _Exact(_Walk):
    """What Keras has, which is the same for all passes.

    Parameters
    ----------
    converted : ConvertedModel
        The network beside its model.
    inputs : sequence of array_like
        The samples, for each input of the model.

    Attributes
    ----------
    wanted : dict of {nengo.ensemble.Neurons: (n_samples, ...) array}
        What spiking neurons are to approximate. Of other layers only the outputs of
        the model are kept.
    trained : bool
        Whether all of these neurons have thresholds that were trained.
    outputs : tuple of tf.Tensor
        Outputs of the model, ``(n_samples, ...)``.
    """

    def __init__(self, converted: ConvertedModel, inputs: Sequence[Any]) -> None:
        super().__init__(converted)
        self.wanted: dict[Neurons, Array] = {}
        self.trained = True
        self.inputs = input_tensors(converted.model, inputs)
        self.outputs = self.walk(self.inputs)

    def _call(self, call: Call, obj: Any, given: Mapping[Any, Any]) -> Sequence[Any]:
        outputs = _outputs(call, call.layer, given)
        # Layers that pass a tensor on have the neurons of the layer before.
        if _is_spiking(obj) and obj not in self.wanted:
            self.wanted[obj] = outputs[0].numpy()
            self.trained &= isinstance(call.layer, QuantizedReLU)
        return outputs


@final
class _Pass(_Walk):
    """One way of the samples through the network, on which choices are made.

    A tensor has the shape ``(n_steps * n_samples, ...)``, step by step.

    Parameters
    ----------
    converted : ConvertedModel
        The network beside its model.
    exact : _Exact
        What Keras has.
    n_steps : int
        How many steps each sample is presented for.
    stages : sequence of str
        What there is to choose, of `THRESHOLDS` and `CORRECTIONS`.

    Attributes
    ----------
    choices : dict of {nengo.ensemble.Neurons: (str, Choice)}
        The name of the layer, and what has been chosen.
    n_spikes : float
        Mean number of spikes of a sample.
    """

    def __init__(
        self,
        converted: ConvertedModel,
        exact: _Exact,
        n_steps: int,
        stages: Sequence[str],
    ) -> None:
        super().__init__(converted)
        self._exact, self._n_steps, self._stages = exact, n_steps, stages
        self.choices: dict[Neurons, tuple[str, Choice]] = {}
        self.n_spikes = 0.0
        self._outputs = self.walk(
            [keras.ops.concatenate([x] * n_steps) for x in exact.inputs]
        )

    def _call(self, call: Call, obj: Any, given: Mapping[Any, Any]) -> Sequence[Any]:
        layer = call.layer
        if _is_spiking(obj) and obj not in self.choices:
            (drive,) = _outputs(call, _without_activation(layer), given)
            return [self._fire(layer, obj, drive)]
        if isinstance(layer, _COUNTED):
            sums = {x: self._steps(np.cumsum, y) for x, y in given.items()}
            (largest,) = _outputs(call, layer, sums)
            return [self._steps(_gains, largest)]
        return _outputs(call, layer, given)

    def _steps(self, function: Callable[..., Array], values: Any) -> Any:
        """Apply a function along the axis of the steps."""
        steps = values.numpy().reshape(self._n_steps, -1, *values.shape[1:])
        return keras.ops.convert_to_tensor(
            function(steps, axis=0).reshape(values.shape)
        )

    def _fire(self, layer: Any, neurons: Any, drive: Any) -> Any:
        """Choose for the neurons of a call, and let them spike."""
        exact = self._exact.wanted[neurons]
        n_samples, *shape = exact.shape
        steps = drive.numpy().reshape(self._n_steps, n_samples, -1)
        wanted = exact.reshape(n_samples, -1)
        quantized = isinstance(layer, QuantizedReLU)
        choice = Chooser(steps, wanted, _channels(layer, shape)).choose(
            self._stages, float(layer.threshold) if quantized else None
        )
        self.choices[neurons] = layer.name, choice
        outputs = choice.run(steps)
        self.n_spikes += int(np.count_nonzero(outputs)) / n_samples
        return keras.ops.convert_to_tensor(outputs.reshape(-1, *shape))

    def stage(self, name: str) -> CalibrationStage:
        """Say how far the outputs are from Keras', on the samples that judge.

        Parameters
        ----------
        name : str
            How the last stage is called.
        """
        errors = squares = 0.0
        agree: list[Array] = []
        for tensor, spikes in zip(self._exact.outputs, self._outputs, strict=True):
            exact = tensor.numpy()
            mean = spikes.numpy().reshape(self._n_steps, *exact.shape).mean(0)
            exact, mean = judging(exact), judging(mean)
            errors += float(np.square(mean - exact).sum())
            squares += float(np.square(exact).sum())
            if exact.shape[-1] > 1:
                agree.append(np.ravel(mean.argmax(axis=-1) == exact.argmax(axis=-1)))
        return CalibrationStage(
            name,
            error=(errors / squares if squares else errors) ** 0.5,
            agreement=float(np.concatenate(agree).mean()) if agree else None,
            n_spikes=self.n_spikes,
            kept=True,
        )


def _outputs(call: Call, function: Any, values: Mapping[Any, Any]) -> list[Any]:
    """Return the outputs of a function for the arguments of a call, in a list."""
    args, kwargs = call.arguments(values)
    return list(keras.tree.flatten(function(*args, **kwargs)))


def _is_spiking(obj: NengoObject | list[NengoObject]) -> bool:
    return isinstance(obj, Neurons) and isinstance(
        obj.ensemble.neuron_type, SpikingQuantizedReLU
    )


def _without_activation(layer: Any) -> Any:
    """Return what computes the input of a layer's activation function."""
    if isinstance(layer, _ACTIVATIONS):
        return lambda x, *args, **kwargs: x
    # Keras' own way to copy a layer saves and loads it.
    linear = object.__new__(type(layer))
    linear.__dict__.update(vars(layer), activation=keras.activations.linear)
    return linear


def _gains(sums: Array, axis: int) -> Array:
    """Return what sums gain in each step."""
    return np.diff(sums, axis=axis, prepend=0)


def _channels(layer: Any, shape: Sequence[int]) -> Array:
    """Return the channel that each element of a layer's output belongs to."""
    first = getattr(layer, "data_format", None) == "channels_first"
    indices: Array = np.indices(shape)[0 if first else -1]
    return indices.ravel()


def calibrate(converted: ConvertedModel, inputs: Any, n_steps: int) -> Calibration:
    """Calibrate the `SpikingQuantizedReLU` neurons of a network, in place.

    Parameters
    ----------
    converted : ConvertedModel
        The network beside its model.
    inputs : list of array_like, or array_like
        Samples for the inputs of the model, ``(n_samples, ...)``.
    n_steps : int
        How many steps each is presented for.

    Returns
    -------
    calibration : Calibration
        What has been gained by which stage, and what has been chosen.

    Raises
    ------
    ConversionError
        If the network has no such neurons.
    ValueError
        If there are no samples, or not as many arrays as inputs.
    """
    arrays = input_arrays(converted.model, inputs)
    if not all(map(len, arrays)):
        raise ValueError("calibrate needs samples for each input, and was given none")
    stages: list[str] = []
    report: list[CalibrationStage] = []
    exact = _Exact(converted, arrays)
    if not exact.wanted:
        raise ConversionError(
            f"calibrate finds no layer of {converted.model.name!r} that ends in ReLU "
            "or QuantizedReLU and becomes neurons"
        )
    first = TRAINED if exact.trained else THRESHOLDS
    for name, words in (first | CORRECTIONS).items():
        tried = _Pass(converted, exact, n_steps, [*stages, name])
        stage = tried.stage(words)
        if all(stage.error < other.error for other in report if other.kept):
            stages.append(name)
            choices = tried.choices
        else:
            stage = replace(stage, kept=False)
        report.append(stage)

    layers = []
    for neurons, (layer, choice) in choices.items():
        neurons.ensemble.neuron_type = choice.neuron_type()
        neurons.ensemble.bias = neurons.ensemble.bias + choice.bias
        ends = float(choice.threshold.min()), float(choice.threshold.max())
        layers.append(LayerCalibration(layer, *ends, choice.signed))
    return Calibration(n_steps, tuple(report), tuple(layers))
