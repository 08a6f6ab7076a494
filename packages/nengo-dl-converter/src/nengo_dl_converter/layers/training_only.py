"""Layers that do something in training alone."""

from __future__ import annotations

from typing import Any

import keras
from nengo.base import NengoObject

from ..conversion import Conversion
from ..layer_converter import LayerConverter
from ..registry import registry


@registry.register(keras.layers.Identity)
class ConvertIdentity(LayerConverter):
    """Convert `keras.layers.Identity` to the object of its input."""

    def convert(self, node_id: int) -> NengoObject:
        return self.get_input_obj(node_id)


@registry.register(
    keras.layers.ActivityRegularization,
    keras.layers.AlphaDropout,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.RandomBrightness,
    keras.layers.RandomContrast,
    keras.layers.RandomFlip,
    keras.layers.RandomRotation,
    keras.layers.RandomTranslation,
    keras.layers.RandomZoom,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
)
class ConvertTrainingOnly(ConvertIdentity):
    """Convert `keras.layers.Dropout`, other noise, and augmentation.

    They do something in training, so this is for ``inference_only``.
    """

    @classmethod
    def obstacle(cls, layer: Any, converter: Conversion) -> str | None:
        if not converter.inference_only:
            return "what it does in training has no native form (see inference_only)"
        return super().obstacle(layer, converter)
