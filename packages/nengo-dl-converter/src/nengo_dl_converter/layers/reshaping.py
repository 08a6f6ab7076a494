"""Layers that keep the order of the elements."""

from __future__ import annotations

import keras
from nengo.base import NengoObject

from ..layer_converter import LayerConverter
from ..registry import registry


@registry.register(keras.layers.Flatten)
class ConvertFlatten(LayerConverter):
    """Convert `keras.layers.Flatten`: Nengo's signals are flat already."""

    spans_time = True

    def convert(self, node_id: int) -> NengoObject:
        """Return the object of the input."""
        return self.get_input_obj(node_id)
