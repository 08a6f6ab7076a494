"""Discrete correlation, called convolution in neural networks, with its gradient.

For CPUs XLA compiles plain correlation well, but its gradients, transposes and grouped
forms badly. Here these are computed by plain correlations, which takes a fraction of
the time; and where there are few channels, by a sum over the kernel's elements.
Measured compiled, in float32, with kernels of 3 x 3 and a minibatch of 8 (milliseconds
of CPU time):

============================================= ============= =====
what                                          TensorFlow's  here
============================================= ============= =====
12 x 12, 64 to 64 channels: kernel's gradient 39.4          1.1
the same: gradient of the images              5.8           1.6
26 x 26, 32 to 64, strides 2: kernel's        29.1          3.0
14 x 14, 32 to 32, transposed                 17.2          0.9
28 x 28, 32 to 32, in 32 groups               19.5          1.0
28 x 28, 1 to 32                              0.7           0.3
a step of a convolutional network, to train   60            24
============================================= ============= =====

A loop that is not compiled would be better off with TensorFlow's own functions; the
last line takes 26 ms then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import Any

import tensorflow as tf

from nengo_dl_core import tuning
from nengo_dl_core.builders.numerics import stored

Shape = Sequence[int]


def correlate(
    x: tf.Tensor, kernel: tf.Tensor, strides: Shape, padding: str, groups: int = 1
) -> tf.Tensor:
    """Correlate images with a kernel.

    Parameters
    ----------
    x : tf.Tensor
        Images, ``(n_images, *spatial_shape, n_channels)``.
    kernel : tf.Tensor
        Kernel, ``(*kernel_size, n_channels // groups, n_filters)``.
    strides : tuple of int
        Stride for each spatial axis.
    padding : "same" or "valid"
        Whether the images are surrounded by zeros, so that without strides the result
        is as large as they are.
    groups : int
        Number of groups of channels; each group of filters sees one group of channels.

    Returns
    -------
    y : tf.Tensor
        Result, ``(n_images, *output_shape, n_filters)``.
    """
    n_axes = len(strides)
    if padding == "same":
        before_after = [(0, 0)]
        for length, size, stride in zip(
            x.shape[1:-1], kernel.shape[:n_axes], strides, strict=True
        ):
            total = _same_padding(length, -(-length // stride), size, stride)
            before_after.append((total // 2, total - total // 2))
        x = tf.pad(x, [*before_after, (0, 0)])
    if groups == 1:
        return _with_gradient(strides)(x, kernel)
    if _is_small(kernel):
        return _summed(x, kernel, strides, groups)
    channels, filters = tf.split(x, groups, axis=-1), tf.split(kernel, groups, axis=-1)
    parts = map(_with_gradient(strides), channels, filters)
    return tf.concat(list(parts), axis=-1)


def correlate_transposed(
    x: tf.Tensor,
    kernel: tf.Tensor,
    strides: Shape,
    padding: str,
    output_shape: Shape,
) -> tf.Tensor:
    """Apply the transpose of the linear map that `correlate` is.

    Parameters
    ----------
    x : tf.Tensor
        Images, ``(n_images, *spatial_shape, n_channels)``.
    kernel : tf.Tensor
        Kernel, ``(*kernel_size, n_channels, n_filters)``.
    strides : tuple of int
        Strides of the correlation from images of ``output_shape``.
    padding : "same" or "valid"
        Padding of that correlation.
    output_shape : tuple of int
        Spatial shape of the result; that of ``x`` does not determine it.

    Returns
    -------
    y : tf.Tensor
        Result, ``(n_images, *output_shape, n_filters)``.
    """
    before = [
        _same_padding(out, length, size, stride) // 2 if padding == "same" else 0
        for out, length, size, stride in zip(
            output_shape, x.shape[1:-1], kernel.shape, strides, strict=False
        )
    ]
    return _spread(x, kernel, strides, before, output_shape)


def _same_padding(length: int, out: int, size: int, stride: int) -> int:
    """Number of zeros around an axis that gives an output of ``out`` elements."""
    return max((out - 1) * stride + size - length, 0)


def _spread(
    x: tf.Tensor,
    kernel: tf.Tensor,
    strides: Shape,
    before: Shape,
    output_shape: Shape,
) -> tf.Tensor:
    """Add a multiple of the kernel to the result for every element of the images.

    That is correlation, with the kernel turned round, of the images with zeros put
    between their elements. ``before`` says how much of the result is cut off in front.
    """
    spatial = range(1, len(strides) + 1)
    padding = [(0, 0)]
    for axis, stride, cut, out in zip(
        spatial, strides, before, output_shape, strict=True
    ):
        x = _dilated(x, axis, stride)
        front = kernel.shape[axis - 1] - 1 - cut
        padding.append((front, out - 1 + cut - (x.shape[axis] - 1)))
    turned = tf.reverse(kernel, [axis - 1 for axis in spatial])
    return _with_gradient([1] * len(strides))(tf.pad(x, [*padding, (0, 0)]), turned)


def _dilated(x: tf.Tensor, axis: int, stride: int) -> tf.Tensor:
    """Put ``stride - 1`` zeros between the elements along an axis."""
    if stride == 1:
        return x
    spaced = tf.pad(
        tf.expand_dims(x, axis + 1),
        [(0, stride - 1 if i == axis + 1 else 0) for i in range(x.shape.rank + 1)],
    )
    length = x.shape[axis]
    rest = (*x.shape[1:axis], length * stride, *x.shape[axis + 1 :])
    flat = tf.reshape(spaced, (-1, *rest))
    return tf.split(flat, [length * stride - stride + 1, stride - 1], axis)[0]


def _with_gradient(strides: Shape) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Make the correlation of padded images, with its gradient.

    The gradient of the kernel is a correlation too: that of the images with the
    gradient of the result, where images take the place of channels.
    """
    n_axes = len(strides)
    spatial = range(1, n_axes + 1)

    @tf.custom_gradient
    def correlation(x: tf.Tensor, kernel: tf.Tensor) -> Any:
        def gradient(dy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            swapped = tf.linalg.matrix_transpose(kernel)
            dx = _spread(dy, swapped, strides, [0] * n_axes, x.shape[1:-1])
            seen, spaced = x, dy
            for axis, size, stride in zip(spatial, kernel.shape, strides, strict=False):
                length = (dy.shape[axis] - 1) * stride + size
                seen = tf.split(seen, [length, x.shape[axis] - length], axis)[0]
                spaced = _dilated(spaced, axis, stride)
            products = tf.nn.convolution(
                tf.transpose(seen, (n_axes + 1, *spatial, 0)),
                tf.transpose(spaced, (*spatial, 0, n_axes + 1)),
                padding="VALID",
            )
            return dx, tf.transpose(products, (*spatial, 0, n_axes + 1))

        if _is_small(kernel):
            return _summed(x, kernel, strides), gradient
        return tf.nn.convolution(x, kernel, strides, "VALID"), gradient

    return correlation


def _is_small(kernel: tf.Tensor) -> bool:
    """Whether a sum over the elements of a kernel is faster than the library."""
    *size, n_channels, _ = kernel.shape
    return (
        n_channels <= tuning.MAX_SUMMED_CHANNELS
        and prod(size) <= tuning.MAX_SUMMED_ELEMENTS
    )


def _summed(
    x: tf.Tensor, kernel: tf.Tensor, strides: Shape, groups: int = 1
) -> tf.Tensor:
    """Correlate padded images as a sum over the kernel's elements."""
    *size, n_channels, n_filters = kernel.shape
    y = tf.zeros((), x.dtype)
    for position in product(*map(range, size)):
        window = [
            slice(start, start + length - n + 1, stride)
            for start, length, n, stride in zip(
                position, x.shape[1:-1], size, strides, strict=True
            )
        ]
        seen = x[(slice(None), *window)]
        seen = tf.reshape(seen, (-1, *seen.shape[1:-1], groups, n_channels, 1))
        weights = tf.reshape(kernel[position], (n_channels, groups, -1))
        y += tf.reduce_sum(seen * tf.transpose(weights, (1, 0, 2)), axis=-2)
    return stored(tf.reshape(y, (-1, *y.shape[1:-2], n_filters)))
