"""Convolutions of each channel by itself, and separable ones that then mix them."""

from __future__ import annotations

import keras
import nengo
import numpy as np
from nengo.base import NengoObject

from ..layer_converter import regularized
from ..registry import registry
from .convolution import ConvertConv


class ConvertDepthwise(ConvertConv):
    """Base class for convolutions with a group for each channel."""

    unsupported_training_args = regularized("depthwise", "pointwise", "bias")

    def convolve_channels(
        self,
        node_id: int,
        output: NengoObject,
        shape_out: tuple[int, ...],
        kernel: np.ndarray,
    ) -> None:
        """Convolve each channel of the input with kernels of its own.

        Parameters
        ----------
        node_id : int
            Which call of the layer.
        output : NengoObject
            What to connect to.
        shape_out : tuple of int
            Shape of the result.
        kernel : numpy.ndarray
            Weights, shape ``(*size, channels_in, kernels_for_each)``.
        """
        *size, n_channels, _ = kernel.shape
        self.convolve(
            self.get_input_obj(node_id),
            self.input_shape(node_id),
            output,
            shape_out,
            kernel.reshape(*size, 1, -1),
            groups=n_channels,
        )


@registry.register(keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
class ConvertDepthwiseConv(ConvertDepthwise):
    """Convert `keras.layers.DepthwiseConv1D` and ``DepthwiseConv2D``."""

    def convert(self, node_id: int, dimensions: int | None = None) -> NengoObject:
        kernel = self.layer.kernel.numpy()
        output = self.add_output(node_id, dimensions)
        self.convolve_channels(node_id, output, self.output_shape(node_id), kernel)
        return output


@registry.register(keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)
class ConvertSeparableConv(ConvertDepthwise):
    """Convert `keras.layers.SeparableConv1D` and ``SeparableConv2D``."""

    def convert(self, node_id: int, dimensions: int | None = None) -> NengoObject:
        layer = self.layer
        depthwise = layer.depthwise_kernel.numpy()
        pointwise = layer.pointwise_kernel.numpy()
        output = self.add_output(node_id, dimensions)
        positions, _ = self.split(self.output_shape(node_id))
        n_channels = pointwise.shape[-2]
        shape = (
            (*positions, n_channels) if self.channels_last else (n_channels, *positions)
        )
        channels = self.add_population(shape)
        self.convolve_channels(node_id, channels, shape, depthwise)
        ones = (1,) * len(positions)
        transform = nengo.Convolution(
            layer.filters,
            shape,
            kernel_size=ones,
            strides=ones,
            channels_last=self.channels_last,
            init=pointwise,
        )
        self.converter.populations.connect(
            channels, output, trainable=layer.trainable, transform=transform
        )
        return output
