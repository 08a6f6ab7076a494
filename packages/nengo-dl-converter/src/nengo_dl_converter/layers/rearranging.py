"""Layers that only move elements: reshaping, permuting, padding, cropping, ..."""

from __future__ import annotations

import math

import keras
import numpy as np
from nengo.base import NengoObject

from ..errors import ConversionError
from ..layer_converter import LayerConverter
from ..registry import registry


class ConvertRearranging(LayerConverter):
    """Base class for converting layers that move elements, or put zeros.

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
        """For each input, which of its elements each element of the output is.

        Returns
        -------
        indices : list of numpy.ndarray
            Flat indices, -1 where the element comes from elsewhere.
        """
        call = self.calls[node_id]
        shapes = call.input_shapes
        sizes = [math.prod(shape) for shape in shapes]
        starts = np.cumsum([1, *sizes])  # 0 is left for padding
        numbers = {
            tensor: keras.ops.convert_to_tensor(
                np.arange(start, start + size).reshape(*[1] * call.batch_axes, *shape),
                dtype="int32",
            )
            for tensor, shape, start, size in zip(
                call.inputs, shapes, starts, sizes, strict=False
            )
        }
        args, kwargs = call.arguments(numbers)
        moved = self.layer.call(*args, **kwargs).numpy().ravel()
        if moved.size != math.prod(self.output_shape(node_id)):
            raise ConversionError(
                f"Layer {self.layer.name!r} mixes the steps of a temporal model"
            )
        return [
            np.where((start <= moved) & (moved < start + size), moved - start, -1)
            for start, size in zip(starts, sizes, strict=False)
        ]


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
    """Base class for converting zero-padding layers."""

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
    """Base class for converting upsampling layers."""

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
