"""The graph of layer calls in a Keras model.

Keras has no public way to read which call made which tensor; what is needed of the
private one is in this file alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
from keras.src.models.functional import Functional


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
        """Tensors among the arguments, flat."""
        flat = keras.tree.flatten((self.args, self.kwargs))
        return tuple(value for value in flat if isinstance(value, keras.KerasTensor))

    def arguments(
        self, values: Mapping[keras.KerasTensor, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """``args`` and ``kwargs`` with each tensor replaced by its value."""
        args, kwargs = keras.tree.map_structure(
            lambda arg: values[arg] if isinstance(arg, keras.KerasTensor) else arg,
            (self.args, dict(self.kwargs)),
        )
        return args, kwargs

    def shapes(self, tensors: tuple[keras.KerasTensor, ...], full_shape: bool) -> Any:
        """Return the shape of one tensor, or a list of those of several."""
        skipped = 0 if full_shape else self.batch_axes
        shapes = [tuple(tensor.shape)[skipped:] for tensor in tensors]
        return shapes[0] if len(shapes) == 1 else shapes


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
    """Return the functional model of the layers and tensors in a graph of layers."""
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
