"""Layers that merge several inputs."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import keras
import nengo
import numpy as np
from nengo.base import NengoObject

from ..conversion import Conversion
from ..extremum import add_extremum
from ..indices import broadcast_indices
from ..layer_converter import LayerConverter
from ..registry import registry
from .rearranging import ConvertRearranging


class ConvertMerging(LayerConverter):
    """Base of the converters of layers that merge inputs element by element.

    Inputs of different shapes are broadcast against each other.
    """

    def merge(
        self, node_id: int, input_idx: int, obj: NengoObject, weight: float = 1.0
    ) -> None:
        """Connect an input of a call, times a weight, to an object."""
        call = self.calls[node_id]
        self.converter.populations.gather(
            self.get_input_obj(node_id, input_idx),
            broadcast_indices(call.input_shapes[input_idx], call.output_shapes[0]),
            obj,
            **({} if weight == 1 else {"transform": weight}),
        )

    def side_by_side(self, node_id: int, function: Any = None) -> nengo.Node:
        """Add a Node with all inputs one after the other, each broadcast to the output.

        Parameters
        ----------
        node_id : int
            Which call of the layer.
        function : callable, optional
            The Node's function of time and inputs; by default it passes them on.
        """
        shape = self.output_shape(node_id)
        size, n_inputs = math.prod(shape), len(self.calls[node_id].inputs)
        node = nengo.Node(function, size_in=size * n_inputs, label=self.layer.name)
        for i, input_shape in enumerate(self.calls[node_id].input_shapes):
            indices = np.full((n_inputs, size), -1)
            indices[i] = broadcast_indices(input_shape, shape).ravel()
            self.converter.populations.gather(
                self.get_input_obj(node_id, i), indices, node
            )
        return node

    def weighted_sum(self, node_id: int, weights: list[float]) -> NengoObject:
        """Add an object that computes the sum of the inputs times their weights."""
        output = self.add_nengo_obj(node_id)
        for i, weight in enumerate(weights):
            self.merge(node_id, i, output, weight)
        return output


@registry.register(keras.layers.Add)
class ConvertAdd(ConvertMerging):
    """Convert `keras.layers.Add`."""

    def convert(self, node_id: int) -> NengoObject:
        return self.weighted_sum(node_id, [1.0] * len(self.calls[node_id].inputs))


@registry.register(keras.layers.Average)
class ConvertAverage(ConvertMerging):
    """Convert `keras.layers.Average`."""

    def convert(self, node_id: int) -> NengoObject:
        n_inputs = len(self.calls[node_id].inputs)
        return self.weighted_sum(node_id, [1 / n_inputs] * n_inputs)


@registry.register(keras.layers.Subtract)
class ConvertSubtract(ConvertMerging):
    """Convert `keras.layers.Subtract`."""

    def convert(self, node_id: int) -> NengoObject:
        return self.weighted_sum(node_id, [1.0, -1.0])


class ConvertExtremum(ConvertMerging):
    """Base of the converters of the larger or smaller of inputs; see `extremum`."""

    sign: ClassVar[float]

    def convert(self, node_id: int) -> NengoObject:
        inputs = self.side_by_side(node_id)
        n_inputs = len(self.calls[node_id].inputs)
        return add_extremum(
            self.converter.populations,
            inputs,
            np.arange(inputs.size_out).reshape(n_inputs, -1).T,
            sign=self.sign,
            counted=self.converter.counts_spikes,
            label=self.layer.name,
        )


@registry.register(keras.layers.Maximum)
class ConvertMaximum(ConvertExtremum):
    """Convert `keras.layers.Maximum`."""

    sign = 1.0


@registry.register(keras.layers.Minimum)
class ConvertMinimum(ConvertExtremum):
    """Convert `keras.layers.Minimum`."""

    sign = -1.0


@registry.register(keras.layers.Multiply)
class ConvertMultiply(ConvertMerging):
    """Convert `keras.layers.Multiply` to a Node with a Python function.

    No neurons compute a product exactly, and a Node has no gradient and is slow in
    NengoDL. So this is for ``inference_only`` without fallback.
    """

    @classmethod
    def obstacle(cls, layer: Any, converter: Conversion) -> str | None:
        if converter.allow_fallback or not converter.inference_only:
            return "a native product is for inference_only without fallback"
        return super().obstacle(layer, converter)

    def convert(self, node_id: int) -> NengoObject:
        n_inputs = len(self.calls[node_id].inputs)

        def product(t: float, x: np.ndarray) -> np.ndarray:
            return x.reshape(n_inputs, -1).prod(axis=0)

        return self.side_by_side(node_id, product)


@registry.register(keras.layers.Concatenate)
class ConvertConcatenate(ConvertRearranging):
    """Convert `keras.layers.Concatenate`."""

    def convert(self, node_id: int) -> NengoObject:
        """Connect each input to its part of the output."""
        output = self.add_nengo_obj(node_id)
        for i, indices in enumerate(self.sources(node_id)):
            self.converter.populations.gather(
                self.get_input_obj(node_id, i), indices, output
            )
        return output
