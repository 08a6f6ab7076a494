"""Build of Nengo's convolutions, transposed ones included."""

from __future__ import annotations

import tensorflow as tf
from nengo.builder.transforms import ConvInc, ConvTransposeInc
from nengo.transforms import ConvolutionTranspose, Transform

from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.correlation import correlate, correlate_transposed
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_optimizer import ConvSet, ConvTransposeSet


@Builder.register(ConvInc)
@Builder.register(ConvSet)
@Builder.register(ConvTransposeInc)
@Builder.register(ConvTransposeSet)
class ConvIncBuilder(OpBuilder):
    """Convolve ``X`` with the kernel ``W``, and add the result to ``Y`` or set it.

    Convolutions are not merged: as the groups of a single one, eight took twice the
    time (compiled, 14 x 14, 8 to 16 channels, one CPU core: 0.9 ms against 0.5 ms).

    Parameters
    ----------
    ops : tuple of nengo.builder.transforms.GeneralConvInc
        A single operator.
    """

    has_fast_kernels = True
    takes_parameters_of_items = False

    def steps_are_items(self, config: BuildConfig) -> bool:
        """Steps are items; see `OpBuilder.steps_are_items`."""
        return True

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look the signals up; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        (op,) = self.ops
        self.conv = op.conv
        self.kernel = signals.reader(signals[op.W])
        self.x, self.dst = signals[op.X], signals[op.Y]

    def build_step(self, signals: SignalDict) -> None:
        """Convolve; see `OpBuilder.build_step`."""
        conv = self.conv
        x = tf.reshape(signals.gather(self.x), (-1, *conv.input_shape.shape))
        if not conv.channels_last:
            x = tf.experimental.numpy.moveaxis(x, 1, -1)
        kernel = self.kernel(signals)
        if signals[self.ops[0].W].minibatched:
            y = self._convolved(x, kernel)
        else:
            y = signals.multiply(self._convolved, x, kernel)
        if not conv.channels_last:
            y = tf.experimental.numpy.moveaxis(y, -1, 1)
        signals.scatter(self.dst, y, mode=self.mode)

    def _convolved(self, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolve the images of one step, or of many, by what is fastest for them."""
        of_step = x.shape[0] in (1, self.x.minibatch_size)
        grouped = getattr(self.conv, "groups", 1) > 1  # TensorFlow has no gradient
        slow = self.config.cpu_only and of_step and not self.config.at_once
        if slow or (self.config.cpu_only and grouped):
            return _convolved(self.conv, x, kernel)
        return _library_convolved(self.conv, x, kernel)


def _convolved(conv: Transform, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Apply a transform to images, channels last, on a CPU."""
    if isinstance(conv, ConvolutionTranspose):
        shape = conv.output_shape.spatial_shape
        return correlate_transposed(x, kernel, conv.strides, conv.padding, shape)
    return correlate(x, kernel, conv.strides, conv.padding, conv.groups)


def _library_convolved(conv: Transform, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Apply a transform to images, channels last, by the kernels that a GPU has."""
    padding = conv.padding.upper()
    if isinstance(conv, ConvolutionTranspose):
        kernel = tf.linalg.matrix_transpose(kernel)
        shape = (tf.shape(x)[0], *conv.output_shape.spatial_shape, conv.n_filters)
        return tf.nn.conv_transpose(x, kernel, shape, conv.strides, padding)
    return tf.nn.convolution(x, kernel, conv.strides, padding)
