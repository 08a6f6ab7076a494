"""Convolutions: plain, dilated, causal, in groups, with one to three axes."""

from __future__ import annotations

from typing import ClassVar

import keras
import nengo
import numpy as np
from nengo.base import NengoObject

from .. import indices
from ..keras_graph import Call
from ..layer_converter import LayerConverter, Unsupported, regularized
from ..registry import registry


class ConvertSpatial(LayerConverter):
    """Base of the converters of layers that slide a window over axes with channels."""

    spans_time = True

    @property
    def channels_last(self) -> bool:
        """Whether channels are the last axis, or the first."""
        return bool(self.layer.data_format == "channels_last")

    def split(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
        """Split a shape into that of the positions, and the number of channels."""
        if self.channels_last:
            return shape[:-1], shape[-1]
        return shape[1:], shape[0]


class ConvertConv(ConvertSpatial):
    """Base of the converters of convolutional layers.

    One or two axes without dilation are what `nengo.Convolution` computes, in every
    backend. For the rest the windows are laid out beside each other, and multiplied
    with the kernel by a convolution of size 1, which shares it between them.
    """

    unsupported_training_args: ClassVar[Unsupported] = (
        *regularized("kernel", "bias"),
        ("lora_enabled", False),
    )
    has_weights = True

    def convert(self, node_id: int, dimensions: int | None = None) -> NengoObject:
        """Add the objects for one call.

        Parameters
        ----------
        node_id : int
            Which call of the layer.
        dimensions : int, optional
            Number of axes that the kernel slides along; all but channels by default.

        Returns
        -------
        output : NengoObject
            Its output is that of the call.
        """
        output = self.add_output(node_id, dimensions)
        self.convolve(
            self.get_input_obj(node_id),
            self.input_shape(node_id),
            output,
            self.output_shape(node_id),
            self.layer.kernel.numpy(),
            self.layer.groups,
        )
        return output

    def add_output(self, node_id: int, dimensions: int | None = None) -> NengoObject:
        """Add the object of the output, with the biases of its channels.

        Parameters are those of `convert`.
        """
        biases = None
        if self.layer.use_bias:
            biases = self.layer.bias.numpy()
            if not self.channels_last:
                biases = biases.reshape(-1, *[1] * (dimensions or self.layer.rank))
        return self.add_nengo_obj(
            node_id, biases=biases, activation=self.layer.activation
        )

    def convolve(
        self,
        pre: NengoObject,
        shape_in: tuple[int, ...],
        post: NengoObject,
        shape_out: tuple[int, ...],
        kernel: np.ndarray,
        groups: int,
    ) -> None:
        """Connect two objects by a convolution.

        Parameters
        ----------
        pre, post : NengoObject
            The objects.
        shape_in, shape_out : tuple of int
            What their output and input are, flattened.
        kernel : numpy.ndarray
            Weights, shape ``(*size, channels_in // groups, channels_out)``.
        groups : int
            Groups of channels that are not mixed.
        """
        layer = self.layer
        *size, _, n_filters = kernel.shape
        plain = set(layer.dilation_rate) == {1} and layer.padding != "causal"
        if len(size) < 3 and plain:
            transform = nengo.Convolution(
                n_filters,
                shape_in,
                kernel_size=tuple(size),
                strides=layer.strides,
                padding=layer.padding,
                channels_last=self.channels_last,
                init=kernel,
                groups=groups,
            )
            self.converter.populations.connect(
                pre, post, trainable=layer.trainable, transform=transform
            )
            return
        positions_in, _ = self.split(shape_in)
        positions_out, _ = self.split(shape_out)
        tables = [
            indices.window(*lengths, layer.padding)
            for lengths in zip(
                positions_in,
                positions_out,
                size,
                layer.strides,
                layer.dilation_rate,
                strict=True,
            )
        ]
        table = indices.combine(tables, *self.split(shape_in), self.channels_last)
        self.convolve_windows(pre, table, post, kernel, groups)

    def convolve_windows(
        self,
        pre: NengoObject,
        table: np.ndarray,
        post: NengoObject,
        kernel: np.ndarray,
        groups: int = 1,
    ) -> None:
        """Connect two objects by windows laid out beside each other.

        Parameters
        ----------
        pre, post : NengoObject
            The objects.
        table : numpy.ndarray
            The elements of ``pre`` in each window, shape ``(n_windows, n_elements,
            n_channels)`` (see `indices.combine`).
        kernel : numpy.ndarray
            Weights, shape ``(*size, channels_in // groups, channels_out)``.
        groups : int
            Groups of channels that are not mixed.
        """
        populations = self.converter.populations
        n_filters = kernel.shape[-1]
        # The channels of a convolution in groups are those of one group after another.
        n_windows, n_elements, n_channels = table.shape
        table = table.reshape(n_windows, n_elements, groups, -1).swapaxes(1, 2)
        windows = nengo.Node(size_in=table.size, label=f"{self.layer.name}.windows")
        populations.gather(pre, table, windows)
        transform = nengo.Convolution(
            n_filters,
            (n_windows, n_elements * n_channels),
            kernel_size=(1,),
            strides=(1,),
            init=kernel.reshape(1, -1, n_filters),
            groups=groups,
        )
        if not self.channels_last:
            order = np.arange(post.size_in).reshape(n_filters, n_windows).T
            post = post[order.ravel()]
        populations.connect(
            windows, post, trainable=self.layer.trainable, transform=transform
        )


@registry.register(keras.layers.Conv1D)
class ConvertConv1D(ConvertConv):
    """Convert `keras.layers.Conv1D`.

    In a temporal model a causal convolution goes along time. Each step is put into a
    line of delays, and the window is what is needed of the last steps.
    """

    has_memory = True

    @classmethod
    def obstacle_in_time(cls, call: Call) -> str | None:
        layer = call.layer
        alone = layer.kernel_size == layer.strides == (1,)
        causal = layer.padding == "causal" and layer.strides == (1,)
        if layer.data_format == "channels_last" and (alone or causal):
            return None
        return super().obstacle_in_time(call)

    def convert(self, node_id: int, dimensions: int | None = None) -> NengoObject:
        if self.calls[node_id].batch_axes == 1:
            return super().convert(node_id, dimensions)
        connect = self.converter.populations.connect
        output = self.add_output(node_id, dimensions)
        kernel = self.layer.kernel.numpy()
        size, (dilation,) = len(kernel), self.layer.dilation_rate
        (n_channels,) = self.input_shape(node_id)
        delays = dilation * np.arange(size)[::-1]
        line = nengo.Node(size_in=(delays[0] + 1) * n_channels, label="delays")
        connect(self.get_input_obj(node_id), line[:n_channels])
        if delays[0]:
            # a synapse of 0 is a delay of one step
            connect(line[:-n_channels], line[n_channels:], synapse=0)
        table = delays[:, None] * n_channels + np.arange(n_channels)
        self.convolve_windows(line, table[None], output, kernel, self.layer.groups)
        return output


@registry.register(keras.layers.Conv2D)
class ConvertConv2D(ConvertConv):
    """Convert `keras.layers.Conv2D`."""


@registry.register(keras.layers.Conv3D)
class ConvertConv3D(ConvertConv):
    """Convert `keras.layers.Conv3D`."""
