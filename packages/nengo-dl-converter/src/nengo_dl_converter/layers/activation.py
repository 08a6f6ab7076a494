"""Layers that apply an activation function."""

from __future__ import annotations

import keras
from nengo.base import NengoObject

from ..layer_converter import LayerConverter
from ..registry import registry


@registry.register(keras.layers.Activation)
class ConvertActivation(LayerConverter):
    """Convert `keras.layers.Activation` to neurons."""

    def convert(self, node_id: int) -> NengoObject:
        """Add the objects for one call."""
        output = self.add_nengo_obj(node_id, activation=self.layer.activation)
        self.add_connection(node_id, output)
        return output


@registry.register(keras.layers.ReLU)
class ConvertReLU(LayerConverter):
    """Convert `keras.layers.ReLU` to neurons."""

    unsupported_args = ("max_value", ("threshold", 0))

    def convert(self, node_id: int) -> NengoObject:
        """Add the objects for one call."""
        activation = keras.activations.relu
        output = self.add_nengo_obj(node_id, activation=activation)
        self.add_connection(node_id, output)
        return output
