"""Layers and operations that apply an activation function."""

from __future__ import annotations

import keras
from nengo.base import NengoObject

from ..activation_functions import OPERATIONS, activation_of
from ..layer_converter import LayerConverter
from ..registry import registry


@registry.register(
    keras.layers.Activation, keras.layers.ELU, keras.layers.Softmax, *OPERATIONS
)
class ConvertActivation(LayerConverter):
    """Convert `keras.layers.Activation`, ``ELU`` and ``Softmax`` to neurons.

    Calls of functions in a functional model are converted likewise, such as that of
    `keras.ops.relu`.
    """

    unsupported_args = (("axis", -1),)

    def convert(self, node_id: int) -> NengoObject:
        output = self.add_nengo_obj(node_id, activation=activation_of(self.layer))
        self.add_connection(node_id, output)
        return output


@registry.register(keras.layers.ReLU)
class ConvertReLU(ConvertActivation):
    """Convert `keras.layers.ReLU` to neurons, with its maximum and negative slope."""

    unsupported_args = (("threshold", 0),)


@registry.register(keras.layers.LeakyReLU)
class ConvertLeakyReLU(ConvertActivation):
    """Convert `keras.layers.LeakyReLU` to neurons."""
