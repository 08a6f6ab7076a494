"""The graph of layer calls in a Keras model.

Keras has no public way to read which call made which tensor; what is needed of the
private one is in this file alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras.src.models.functional import Functional

from .errors import ConversionError


def operation_type(function: Callable[..., Any], *args: Any) -> type[keras.Operation]:
    """Return the type of operation that Keras records for a call of a function.

    Parameters
    ----------
    function : callable
        A function of `keras.ops` or `keras.activations`.
    *args
        Its arguments after the first, which is a tensor.

    Returns
    -------
    kind : type
        The type of the "layer" that stands for the call in a functional model.
    """
    output = function(keras.KerasTensor((None, 2)), *args)
    return type(output._keras_history.operation)


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer.

    Parameters
    ----------
    layer : keras.Layer or keras.Operation
        The layer that is called.
    args : tuple
        Its positional arguments, in which each tensor is a `keras.KerasTensor`.
    kwargs : dict
        Its keyword arguments, likewise.
    outputs : tuple of keras.KerasTensor
        What the call returns, flat.
    batch_axes : int
        How many axes of the tensors come before those of the layer's own: 1, or 2 in a
        temporal model.
    """

    layer: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: tuple[keras.KerasTensor, ...]
    batch_axes: int = 1

    @property
    def inputs(self) -> tuple[keras.KerasTensor, ...]:
        """The tensors among the arguments, in a flat tuple."""
        flat = keras.tree.flatten((self.args, self.kwargs))
        return tuple(value for value in flat if isinstance(value, keras.KerasTensor))

    def arguments(
        self, values: Mapping[keras.KerasTensor, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return ``args`` and ``kwargs`` with each tensor replaced by its value."""
        args, kwargs = keras.tree.map_structure(
            lambda arg: values[arg] if isinstance(arg, keras.KerasTensor) else arg,
            (self.args, dict(self.kwargs)),
        )
        return args, kwargs

    @property
    def input_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the inputs, without the axes of batch and time."""
        return [tuple(tensor.shape)[self.batch_axes :] for tensor in self.inputs]

    @property
    def output_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the outputs, without the axes of batch and time."""
        return [tuple(tensor.shape)[self.batch_axes :] for tensor in self.outputs]


def is_graph(layer: Any) -> bool:
    """Tell whether a layer is a model that is a graph of layers.

    A model whose class overrides ``call`` computes something else than its graph. A
    Sequential model is no graph before its input shape is known.
    """
    computes = getattr(type(layer), "call", None)
    if computes is keras.Sequential.call:
        return bool(layer.built)
    return computes is Functional.call


def functional_form(model: keras.Model) -> keras.Model:
    """Return the functional model of the layers and tensors in a graph of layers.

    Raises
    ------
    ConversionError
        If the model is no such graph.
    """
    if not is_graph(model):
        raise ConversionError(
            f"{model!r} is no model that can be converted: it must be of Keras 3, "
            "functional, or Sequential with a known input shape, without a call of "
            "its own"
        )
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs, model.outputs, name=model.name)
    return model


def calls(model: keras.Model) -> Iterator[Call]:
    """Iterate over the calls in a functional model, in the order of their execution."""
    for _, nodes in sorted(model._nodes_by_depth.items(), reverse=True):
        for node in nodes:
            arguments = node.arguments
            yield Call(
                node.operation,
                tuple(arguments.args),
                dict(arguments.kwargs),
                tuple(node.outputs),
            )


def count_calls(model: keras.Model) -> Counter[Any]:
    """Count the calls of each layer in a model, its inner models and its wrappers."""
    counts: Counter[Any] = Counter()
    for call in calls(model):
        layer = call.layer
        counts[layer] += 1
        if isinstance(layer, keras.layers.Wrapper):
            layer = layer.layer
            counts[layer] += 1
        if is_graph(layer):
            counts += count_calls(functional_form(layer))
    return counts


def same_tensors(
    layer: Any, calls: Sequence[Call]
) -> Iterator[tuple[keras.KerasTensor, list[keras.KerasTensor]]]:
    """Iterate over the tensors of a layer, in whichever model they are.

    A Sequential model that is made layer by layer calls its layers anew for each one
    that is added, and ``layer.output`` is of the first call. A model within a model has
    tensors of its own.

    Parameters
    ----------
    layer : keras.Layer or keras.Operation
        The layer.
    calls : sequence of Call
        Its calls in the model that is converted.

    Yields
    ------
    tensor : keras.KerasTensor
        An output of the layer or, for a model, also an input.
    same : list of keras.KerasTensor
        The tensors that it stands for, one for each of the calls.
    """
    for node in layer._inbound_nodes:
        outputs = (call.outputs for call in calls)
        for tensor, *same in zip(node.outputs, *outputs, strict=False):
            yield tensor, same
    if is_graph(layer):
        inputs = (call.inputs for call in calls)
        for tensor, *same in zip(functional_form(layer).inputs, *inputs, strict=False):
            yield tensor, same


@dataclass(frozen=True)
class LayerValues:
    """The inputs and outputs of one call of a layer, as arrays.

    Parameters
    ----------
    layer : keras.Layer or keras.Operation
        The layer that is called.
    inputs, outputs : tuple of tf.Tensor
        Values of its inputs and outputs.
    """

    layer: Any
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]


def input_arrays(model: keras.Model, inputs: Any) -> list[Any]:
    """Return a list with an array for each input of a model.

    Parameters
    ----------
    model : keras.Model
        The model.
    inputs : list of array_like, or array_like
        Such a list; or one array, for a model with one input.

    Returns
    -------
    arrays : list of array_like
        The list.

    Raises
    ------
    ValueError
        If there are more arrays or fewer.
    """
    arrays = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    if len(arrays) != len(model.inputs):
        names = [tensor.name for tensor in model.inputs]
        raise ValueError(
            f"{len(arrays)} arrays were given for the inputs {names} of {model.name!r}"
        )
    return arrays


def input_tensors(model: keras.Model, inputs: Sequence[Any]) -> tuple[Any, ...]:
    """Return the inputs of a model as tensors of the types that it has."""
    return tuple(
        keras.ops.convert_to_tensor(value, dtype=tensor.dtype)
        for value, tensor in zip(inputs, model.inputs, strict=True)
    )


def evaluate(
    model: keras.Model,
    inputs: Sequence[Any],
    compute: Callable[[Call, Mapping[keras.KerasTensor, Any]], Sequence[Any]],
) -> tuple[Any, ...]:
    """Compute a functional model, call by call.

    Parameters
    ----------
    model : keras.Model
        The model.
    inputs : sequence
        What stands for its inputs, in their order.
    compute : callable
        Takes a call, and what stands for each tensor that this or a later call needs;
        returns what stands for the outputs of the call.

    Returns
    -------
    outputs : tuple
        What stands for the outputs of the model.
    """
    values = dict(zip(model.inputs, inputs, strict=True))
    computed = {*values}
    todo = list(calls(model))
    last_use = {x: call for call in todo for x in (*call.outputs, *call.inputs)}
    for call in todo:
        if not computed >= {*call.outputs}:
            values.update(zip(call.outputs, compute(call, values), strict=True))
            computed.update(call.outputs)
        for tensor in {*call.outputs, *call.inputs} - {*model.outputs}:
            if last_use[tensor] is call:
                values.pop(tensor, None)
    return tuple(values[tensor] for tensor in model.outputs)


def layer_values(model: keras.Model, inputs: Sequence[Any]) -> list[LayerValues]:
    """Compute a functional model in inference, layer by layer.

    Parameters
    ----------
    model : keras.Model
        The model.
    inputs : sequence of array_like
        Values of its inputs, in their order.

    Returns
    -------
    values : list of LayerValues
        For each call of a layer, in the order of execution; the last is the model's.
        The calls within a model that is called come before that of the model.
    """
    found: list[LayerValues] = []

    def compute(call: Call, values: Mapping[keras.KerasTensor, Any]) -> tuple[Any, ...]:
        given = tuple(values[tensor] for tensor in call.inputs)
        if is_graph(call.layer):
            outputs = evaluate(functional_form(call.layer), given, compute)
        else:
            args, kwargs = call.arguments(values)
            outputs = tuple(keras.tree.flatten(call.layer(*args, **kwargs)))
        found.append(LayerValues(call.layer, given, outputs))
        return outputs

    given = input_tensors(model, inputs)
    outputs = evaluate(model, given, compute)
    return [*found, LayerValues(model, given, outputs)]
