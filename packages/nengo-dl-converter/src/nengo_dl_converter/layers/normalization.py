"""Layers that scale and shift."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from nengo.base import NengoObject

from ..conversion import Conversion
from ..errors import ConversionError
from ..layer_converter import LayerConverter
from ..registry import registry


class ConvertAffine(LayerConverter):
    """Base of the converters of layers that scale and shift each element."""

    def own_axes(self, node_id: int, values: np.ndarray) -> np.ndarray:
        """Drop the axes of batch and time from an array that has all axes."""
        batch_axes = self.calls[node_id].batch_axes
        if set(values.shape[:batch_axes]) != {1}:
            raise ConversionError(
                f"Layer {self.layer.name!r} treats each example of a batch, or each "
                "step of a temporal model, in its own way"
            )
        return values.reshape(values.shape[batch_axes:])

    def affine(self, node_id: int, scale: Any, shift: Any) -> NengoObject:
        """Add an object whose output is ``scale * input + shift``.

        Parameters
        ----------
        node_id : int
            Which call of the layer.
        scale, shift : array_like
            Broadcast to the shape of the output. They are not trained.
        """
        shape = self.output_shape(node_id)
        output = self.add_nengo_obj(node_id)
        self.add_connection(
            node_id, output, transform=np.broadcast_to(scale, shape).ravel()
        )
        self.converter.populations.add_biases(
            output, np.asarray(shift), shape, trainable=False
        )
        return output


@registry.register(keras.layers.BatchNormalization)
class ConvertBatchNormalization(ConvertAffine):
    """Convert `keras.layers.BatchNormalization`, as it is in inference.

    In training it uses the statistics of the batch, so this is for ``inference_only``
    or for layers that are not trainable.
    """

    @classmethod
    def obstacle(cls, layer: Any, converter: Conversion) -> str | None:
        if layer.trainable and not converter.inference_only:
            return (
                "in training it uses statistics of the batch (see inference_only, or "
                "make it not trainable)"
            )
        return super().obstacle(layer, converter)

    def convert(self, node_id: int) -> NengoObject:
        layer = self.layer
        scale = 1 / np.sqrt(layer.moving_variance.numpy() + layer.epsilon)
        if layer.scale:
            scale = scale * layer.gamma.numpy()
        shift = -layer.moving_mean.numpy() * scale
        if layer.center:
            shift = shift + layer.beta.numpy()
        shape = [1] * len(self.input_shape(node_id, full_shape=True))
        shape[layer.axis] = -1
        return self.affine(
            node_id,
            self.own_axes(node_id, scale.reshape(shape)),
            self.own_axes(node_id, shift.reshape(shape)),
        )


@registry.register(keras.layers.Normalization)
class ConvertNormalization(ConvertAffine):
    """Convert `keras.layers.Normalization`."""

    def convert(self, node_id: int) -> NengoObject:
        mean, variance = (
            self.own_axes(node_id, keras.ops.convert_to_tensor(value).numpy())
            for value in (self.layer.mean, self.layer.variance)
        )
        deviation = np.maximum(np.sqrt(variance), keras.config.epsilon())
        if self.layer.invert:
            return self.affine(node_id, deviation, mean)
        return self.affine(node_id, 1 / deviation, -mean / deviation)


@registry.register(keras.layers.Rescaling)
class ConvertRescaling(ConvertAffine):
    """Convert `keras.layers.Rescaling`."""

    def convert(self, node_id: int) -> NengoObject:
        # Keras rounds both to single precision on their way to its own precision.
        scale, offset = (
            keras.ops.cast(value, self.layer.compute_dtype).numpy()
            for value in (self.layer.scale, self.layer.offset)
        )
        if scale.ndim and keras.config.image_data_format() == "channels_first":
            scale = scale.reshape(*scale.shape, *[1] * (3 - scale.ndim))
        return self.affine(node_id, scale, offset)
