"""Layers that apply another layer to each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from nengo.base import NengoObject

from ..layer_converter import LayerConverter
from ..registry import registry

if TYPE_CHECKING:
    from ..converter import Converter


@registry.register(keras.layers.TimeDistributed)
class ConvertTimeDistributed(LayerConverter):
    """Convert `keras.layers.TimeDistributed` to what the wrapped layer is converted to.

    The steps are those of the simulation, so this is for temporal models.
    """

    @classmethod
    def obstacle(cls, layer: Any, converter: Converter) -> str | None:
        """Say why the layer has no native form, or return None if it has one."""
        if not converter.temporal_model:
            return "the model is not converted as a temporal_model"
        return super().obstacle(layer, converter)

    def convert(self, node_id: int) -> NengoObject | list[NengoObject]:
        """Convert a call of the wrapped layer."""
        (stepped,) = self.calls[node_id].inputs
        step = keras.KerasTensor((stepped.shape[0], *stepped.shape[2:]), stepped.dtype)
        self.converter.layers[step] = self.converter.layers[stepped]
        outputs = self.converter.convert_call(self.layer.layer, (step,))
        objs = [self.converter.layers[tensor] for tensor in outputs]
        return objs[0] if len(objs) == 1 else objs
