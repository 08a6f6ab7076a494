"""Layers that only move elements: reshaping, permuting, padding, cropping, ..."""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow as tf
from nengo.base import NengoObject

from ..errors import ConversionError
from ..layer_converter import LayerConverter
from ..registry import registry


class ConvertRearranging(LayerConverter):
    """Base of the converters of layers that move elements, or put zeros.

    Where each element comes from is found by calling the layer on the elements' own
    numbers.
    """

    def convert(self, node_id: int) -> NengoObject:
        """Connect each element of the output to the one that it comes from.

        Returns
        -------
        output : NengoObject
            The object of the input itself, if all elements stay in their order.
        """
        (indices,) = self.sources(node_id)
        pre = self.get_input_obj(node_id)
        if np.array_equal(indices, np.arange(pre.size_out)):
            return pre
        output = self.add_nengo_obj(node_id)
        self.converter.populations.gather(pre, indices, output)
        return output

    def sources(self, node_id: int) -> list[np.ndarray]:
        """Find the element of an input that each element of the output is equal to.

        Returns
        -------
        indices : list of numpy.ndarray
            For each input, flat indices of its elements, in the order of the output;
            -1 where an element of the output comes from elsewhere.
        """
        call = self.calls[node_id]
        # Batch and, in a temporal model, time, whose first step tells for all.
        lead = (1, *(n or 1 for n in call.outputs[0].shape[1 : call.batch_axes]))
        n_steps = math.prod(lead)
        sizes = [math.prod(shape) for shape in call.input_shapes]
        starts = np.cumsum([1, *(n_steps * size for size in sizes)])  # 0 is padding
        numbers = {
            tensor: tf.reshape(tf.range(start, stop), (*lead, *shape))
            for tensor, shape, start, stop in zip(
                call.inputs, call.input_shapes, starts[:-1], starts[1:], strict=True
            )
        }
        args, kwargs = call.arguments(numbers)
        moved = self.layer.call(*args, **kwargs).numpy()
        if len(moved) != 1:
            raise ConversionError(
                f"Layer {self.layer.name!r} works across the examples of a batch, each "
                "of which a network computes by itself"
            )
        moved = moved.reshape(n_steps, -1)[0]
        indices = [
            np.where((start <= moved) & (moved < start + size), moved - start, -1)
            for start, size in zip(starts[:-1], sizes, strict=True)
        ]
        if moved[np.max(indices, axis=0) < 0].any():
            raise ConversionError(
                f"Layer {self.layer.name!r} mixes the steps of a temporal model"
            )
        return indices


@registry.register(keras.layers.Flatten)
class ConvertFlatten(ConvertRearranging):
    """Convert `keras.layers.Flatten`."""

    spans_time = True


@registry.register(keras.layers.Reshape)
class ConvertReshape(ConvertRearranging):
    """Convert `keras.layers.Reshape`."""


@registry.register(keras.layers.Permute)
class ConvertPermute(ConvertRearranging):
    """Convert `keras.layers.Permute`."""


@registry.register(keras.layers.RepeatVector)
class ConvertRepeatVector(ConvertRearranging):
    """Convert `keras.layers.RepeatVector`."""

    spans_time = True


class ConvertZeroPadding(ConvertRearranging):
    """Base of the converters of zero-padding layers."""

    spans_time = True


@registry.register(keras.layers.ZeroPadding1D)
class ConvertZeroPadding1D(ConvertZeroPadding):
    """Convert `keras.layers.ZeroPadding1D`."""


@registry.register(keras.layers.ZeroPadding2D)
class ConvertZeroPadding2D(ConvertZeroPadding):
    """Convert `keras.layers.ZeroPadding2D`."""


@registry.register(keras.layers.ZeroPadding3D)
class ConvertZeroPadding3D(ConvertZeroPadding):
    """Convert `keras.layers.ZeroPadding3D`."""


@registry.register(
    keras.layers.Cropping1D, keras.layers.Cropping2D, keras.layers.Cropping3D
)
class ConvertCropping(ConvertRearranging):
    """Convert `keras.layers.Cropping1D`, ``Cropping2D`` and ``Cropping3D``."""

    spans_time = True


class ConvertUpSampling(ConvertRearranging):
    """Base of the converters of upsampling layers."""

    spans_time = True


@registry.register(keras.layers.UpSampling1D)
class ConvertUpSampling1D(ConvertUpSampling):
    """Convert `keras.layers.UpSampling1D`."""


@registry.register(keras.layers.UpSampling2D)
class ConvertUpSampling2D(ConvertUpSampling):
    """Convert `keras.layers.UpSampling2D`, with nearest interpolation."""

    unsupported_args = (("interpolation", "nearest"),)


@registry.register(keras.layers.UpSampling3D)
class ConvertUpSampling3D(ConvertUpSampling):
    """Convert `keras.layers.UpSampling3D`."""
