"""Transposed convolutions, with one to three axes."""

from __future__ import annotations

import keras
import numpy as np
from nengo.base import NengoObject

from .. import indices
from ..registry import registry
from .convolution import ConvertConv


@registry.register(
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)
class ConvertConvTranspose(ConvertConv):
    """Convert `keras.layers.Conv2DTranspose` and those with one and three axes.

    Each output is the product of the inputs that reach it with the kernel.
    """

    def convert(self, node_id: int, dimensions: int | None = None) -> NengoObject:
        layer = self.layer
        shape_in = self.input_shape(node_id)
        positions_in, _ = self.split(shape_in)
        positions_out, _ = self.split(self.output_shape(node_id))
        output = self.add_output(node_id, dimensions)
        tables = [
            indices.transposed_window(*lengths, layer.padding)
            for lengths in zip(
                positions_in,
                positions_out,
                layer.kernel_size,
                layer.strides,
                layer.dilation_rate,
                strict=True,
            )
        ]
        kernel = np.swapaxes(layer.kernel.numpy(), -1, -2)
        table = indices.combine(tables, *self.split(shape_in), self.channels_last)
        self.convolve_windows(self.get_input_obj(node_id), table, output, kernel)
        return output
