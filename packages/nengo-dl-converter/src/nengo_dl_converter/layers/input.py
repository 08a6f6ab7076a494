"""Inputs of the model."""

from __future__ import annotations

import math

import keras
import nengo

from ..layer_converter import LayerConverter
from ..registry import registry


@registry.register(keras.layers.InputLayer)
class ConvertInput(LayerConverter):
    """Convert `keras.layers.InputLayer` to a Node that is zero until given data."""

    def convert(self, node_id: int) -> nengo.Node:
        shape = self.output_shape(node_id)
        return nengo.Node([0.0] * math.prod(shape), label=self.layer.name)
