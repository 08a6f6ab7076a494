"""Layers that apply another layer to each step."""

from __future__ import annotations

import keras
from nengo.base import NengoObject

from ..layer_converter import LayerConverter, one_or_list
from ..registry import registry


@registry.register(keras.layers.TimeDistributed)
class ConvertTimeDistributed(LayerConverter):
    """Convert `keras.layers.TimeDistributed` to what the wrapped layer is converted to.

    The steps are those of the simulation, so this is for temporal models.
    """

    needs_time = True

    def convert(self, node_id: int) -> NengoObject | list[NengoObject]:
        (stepped,) = self.calls[node_id].inputs
        step = keras.KerasTensor((stepped.shape[0], *stepped.shape[2:]), stepped.dtype)
        self.converter.layers[step] = self.converter.layers[stepped]
        outputs = self.converter.convert_call(self.layer.layer, (step,))
        return one_or_list([self.converter.layers[tensor] for tensor in outputs])
