"""Average pooling, and max pooling converted to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import nengo
import numpy as np
from nengo.base import NengoObject

from .. import indices
from ..registry import registry
from .convolution import ConvertSpatial

if TYPE_CHECKING:
    from ..converter import Converter

_MAX = (
    keras.layers.MaxPooling1D,
    keras.layers.MaxPooling2D,
    keras.layers.MaxPooling3D,
    keras.layers.GlobalMaxPooling1D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.GlobalMaxPooling3D,
)


class ConvertAvgPool(ConvertSpatial):
    """Base of the converters of average pooling layers.

    The windows are laid out beside each other and summed, by a convolution of size 1.
    Padding is no part of an average.
    """

    @classmethod
    def obstacle(cls, layer: Any, converter: Converter) -> str | None:
        """Say why the layer has no native form, or return None if it has one."""
        if type(layer) in _MAX and not converter.max_to_avg_pool:
            return "no neurons compute a maximum (see max_to_avg_pool)"
        return super().obstacle(layer, converter)

    def convert(self, node_id: int, dimensions: int | None = None) -> NengoObject:
        """Add the objects for one call.

        Parameters
        ----------
        node_id : int
            Which call of the layer.
        dimensions : int, optional
            Number of axes that are pooled; all but the channels by default.

        Returns
        -------
        output : NengoObject
            Its output is that of the call.
        """
        layer = self.layer
        populations = self.converter.populations
        positions, n_channels = self.split(self.input_shape(node_id))
        if hasattr(layer, "pool_size"):
            positions_out, _ = self.split(self.output_shape(node_id))
            size, strides, padding = layer.pool_size, layer.strides, layer.padding
        else:  # global
            positions_out = strides = (1,) * (dimensions or len(positions))
            size, padding = positions, "valid"
        tables = [
            indices.window(*lengths, dilation=1, padding=padding)
            for lengths in zip(positions, positions_out, size, strides, strict=True)
        ]
        table = indices.combine(tables, positions, n_channels, self.channels_last)
        # Windows and channels in the order of the output, elements of a window last.
        table = np.moveaxis(table, 1, -1)
        if not self.channels_last:
            table = table.swapaxes(0, 1)
        table = table.reshape(-1, table.shape[-1])
        present = table >= 0
        weights = np.broadcast_to(1 / present.sum(axis=1, keepdims=True), table.shape)

        windows = nengo.Node(size_in=table.size, label=f"{layer.name}.windows")
        populations.gather(
            self.get_input_obj(node_id), table, windows, transform=weights[present]
        )
        output = self.add_nengo_obj(node_id)
        total = nengo.Convolution(
            1,
            table.shape,
            kernel_size=(1,),
            strides=(1,),
            init=np.ones((1, table.shape[-1], 1)),
        )
        populations.connect(windows, output, transform=total)
        return output


@registry.register(
    keras.layers.AveragePooling1D,
    keras.layers.GlobalAveragePooling1D,
    keras.layers.MaxPooling1D,
    keras.layers.GlobalMaxPooling1D,
)
class ConvertAvgPool1D(ConvertAvgPool):
    """Convert `keras.layers.AveragePooling1D` and ``GlobalAveragePooling1D``.

    With ``max_to_avg_pool`` also ``MaxPooling1D`` and ``GlobalMaxPooling1D``.
    """


@registry.register(
    keras.layers.AveragePooling2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.MaxPooling2D,
    keras.layers.GlobalMaxPooling2D,
)
class ConvertAvgPool2D(ConvertAvgPool):
    """Convert `keras.layers.AveragePooling2D` and ``GlobalAveragePooling2D``.

    With ``max_to_avg_pool`` also ``MaxPooling2D`` and ``GlobalMaxPooling2D``.
    """


@registry.register(
    keras.layers.AveragePooling3D,
    keras.layers.GlobalAveragePooling3D,
    keras.layers.MaxPooling3D,
    keras.layers.GlobalMaxPooling3D,
)
class ConvertAvgPool3D(ConvertAvgPool):
    """Convert `keras.layers.AveragePooling3D` and ``GlobalAveragePooling3D``.

    With ``max_to_avg_pool`` also ``MaxPooling3D`` and ``GlobalMaxPooling3D``.
    """
