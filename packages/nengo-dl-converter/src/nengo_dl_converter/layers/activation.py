"""Layers that apply an activation function."""

from __future__ import annotations

import keras
from nengo.base import NengoObject

import nengo_dl_core

from ..activations import Activation, ClippedReLU
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
    """Convert `keras.layers.ReLU` to neurons, with its maximum and negative slope."""

    unsupported_args = (("threshold", 0),)

    def convert(self, node_id: int) -> NengoObject:
        """Add the objects for one call."""
        layer = self.layer
        activation: Activation = keras.activations.relu
        if layer.max_value is not None:
            activation = ClippedReLU(layer.max_value, layer.negative_slope)
        elif layer.negative_slope:
            activation = nengo_dl_core.LeakyReLU(negative_slope=layer.negative_slope)
        output = self.add_nengo_obj(node_id, activation=activation)
        self.add_connection(node_id, output)
        return output


@registry.register(keras.layers.LeakyReLU)
class ConvertLeakyReLU(LayerConverter):
    """Convert `keras.layers.LeakyReLU` to neurons."""

    def convert(self, node_id: int) -> NengoObject:
        """Add the objects for one call."""
        activation = nengo_dl_core.LeakyReLU(negative_slope=self.layer.negative_slope)
        output = self.add_nengo_obj(node_id, activation=activation)
        self.add_connection(node_id, output)
        return output
