"""Average pooling and max pooling."""

from __future__ import annotations

from typing import Any

import keras
import nengo
import numpy as np
from nengo.base import NengoObject

from .. import indices
from ..conversion import Conversion
from ..extremum import add_extremum
from ..registry import registry
from .convolution import ConvertSpatial


class ConvertAvgPool(ConvertSpatial):
    """Base of the converters of average pooling layers.

    The windows are laid out beside each other and summed, by a convolution of size 1.
    Padding is no part of an average.
    """

    def windows(self, node_id: int, dimensions: int | None = None) -> np.ndarray:
        """Return the elements of the input in each window.

        Parameters are those of `convert`.

        Returns
        -------
        table : numpy.ndarray
            Flat indices, with -1 for padding, shape ``(n_outputs, n_elements)``.
        """
        layer = self.layer
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
        return table.reshape(-1, table.shape[-1])

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
        populations = self.converter.populations
        table = self.windows(node_id, dimensions)
        present = table >= 0
        weights = np.broadcast_to(1 / present.sum(axis=1, keepdims=True), table.shape)

        windows = nengo.Node(size_in=table.size, label=f"{self.layer.name}.windows")
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


@registry.register(keras.layers.AveragePooling1D, keras.layers.GlobalAveragePooling1D)
class ConvertAvgPool1D(ConvertAvgPool):
    """Convert `keras.layers.AveragePooling1D` and ``GlobalAveragePooling1D``."""


@registry.register(keras.layers.AveragePooling2D, keras.layers.GlobalAveragePooling2D)
class ConvertAvgPool2D(ConvertAvgPool):
    """Convert `keras.layers.AveragePooling2D` and ``GlobalAveragePooling2D``."""


@registry.register(keras.layers.AveragePooling3D, keras.layers.GlobalAveragePooling3D)
class ConvertAvgPool3D(ConvertAvgPool):
    """Convert `keras.layers.AveragePooling3D` and ``GlobalAveragePooling3D``."""


@registry.register(
    keras.layers.MaxPooling1D,
    keras.layers.MaxPooling2D,
    keras.layers.MaxPooling3D,
    keras.layers.GlobalMaxPooling1D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.GlobalMaxPooling3D,
)
class ConvertMaxPool(ConvertAvgPool):
    """Convert `keras.layers.MaxPooling2D` and its like; see `extremum`.

    With ``max_to_avg_pool`` they are converted as average pooling. As TensorNodes they
    are faster, so they become native only without fallback, and in spiking networks,
    where the largest of the spikes in one step would be wrong.
    """

    @classmethod
    def obstacle(cls, layer: Any, converter: Conversion) -> str | None:
        native = not converter.allow_fallback or converter.counts_spikes
        if not (native or converter.max_to_avg_pool):
            return (
                "TensorFlow computes it faster than the native form, which is for "
                "spiking neurons and allow_fallback=False"
            )
        return super().obstacle(layer, converter)

    def convert(self, node_id: int, dimensions: int | None = None) -> NengoObject:
        if self.converter.max_to_avg_pool:
            return super().convert(node_id, dimensions)
        table = self.windows(node_id, dimensions)
        # Padding is never the largest: another element of the window takes its place.
        table = np.where(table < 0, table.max(axis=1, keepdims=True), table)
        return add_extremum(
            self.converter.populations,
            self.get_input_obj(node_id),
            table,
            counted=self.converter.counts_spikes,
            label=self.layer.name,
        )
