"""Index arrays for broadcasting, convolution and pooling.

Broadcasting takes elements several times. Convolution and pooling multiply each
window of the input with a kernel. The tables that are made here list the inputs in each
window, with -1 for padding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

import numpy as np


def broadcast_indices(shape: tuple[int, ...], to: tuple[int, ...]) -> np.ndarray:
    """Broadcast an array of flat indices of one shape to another shape."""
    return np.broadcast_to(np.arange(math.prod(shape)).reshape(shape), to)


def as_slice(indices: np.ndarray) -> slice | list[int]:
    """Return indices as a slice if they increase evenly, and as a list if not."""
    step = int(indices[1] - indices[0]) if indices.size > 1 else 1
    if step > 0 and (np.diff(indices) == step).all():
        return slice(int(indices[0]), int(indices[-1]) + 1, step)
    return list(map(int, indices))


def padding_before(
    n_in: int, n_out: int, size: int, stride: int, dilation: int, padding: str
) -> int:
    """Count the elements of padding before the first element of an axis.

    Parameters
    ----------
    n_in, n_out : int
        Length of the axis in the input and the output.
    size, stride, dilation : int
        Elements in the window, and the distances between windows and between elements.
    padding : {"valid", "same", "causal"}
        As in Keras; "same" puts the smaller half first.

    Returns
    -------
    before : int
        Number of elements.
    """
    extent = (size - 1) * dilation
    if padding == "causal":
        return extent
    if padding == "same":
        return max((n_out - 1) * stride + extent + 1 - n_in, 0) // 2
    return 0


def window(
    n_in: int, n_out: int, size: int, stride: int, dilation: int, padding: str
) -> np.ndarray:
    """List the inputs in each window along one axis.

    Parameters are those of `padding_before`.

    Returns
    -------
    table : numpy.ndarray
        Indices, shape ``(n_out, size)``.
    """
    before = padding_before(n_in, n_out, size, stride, dilation, padding)
    position = np.arange(n_out)[:, None] * stride + np.arange(size) * dilation - before
    return np.where((position >= 0) & (position < n_in), position, -1)


def transposed_window(
    n_in: int, n_out: int, size: int, stride: int, dilation: int, padding: str
) -> np.ndarray:
    """List the inputs that reach each output of a transposed convolution, on one axis.

    Input ``i`` reaches output ``i * stride + k * dilation - before`` through element
    ``k`` of the kernel, where ``before`` is the padding of the convolution that this is
    the transpose of. Parameters are those of `padding_before`.

    Returns
    -------
    table : numpy.ndarray
        Indices, shape ``(n_out, size)``.
    """
    before = padding_before(n_out, n_in, size, stride, dilation, padding)
    position = np.arange(n_out)[:, None] + before - np.arange(size) * dilation
    index, between = np.divmod(position, stride)
    return np.where((between == 0) & (index >= 0) & (index < n_in), index, -1)


def combine(
    tables: Sequence[np.ndarray],
    positions: Sequence[int],
    n_channels: int,
    channels_last: bool,
) -> np.ndarray:
    """List the inputs in each window over several axes, from those along each axis.

    Parameters
    ----------
    tables : sequence of numpy.ndarray
        For each axis but that of the channels, a table of shape ``(n_out, size)``.
    positions : sequence of int
        Lengths of these axes in the input.
    n_channels : int
        Channels of the input. Each window holds all of them.
    channels_last : bool
        Whether channels are the last axis of the input, or the first.

    Returns
    -------
    table : numpy.ndarray
        Flat indices, shape ``(n_windows, n_elements, n_channels)``.
    """

    def outer(done: np.ndarray, axis: tuple[np.ndarray, int]) -> np.ndarray:
        table, length = axis
        left, right = done[:, None, :, None], table[None, :, None, :]
        index = np.where((left < 0) | (right < 0), -1, left * length + right)
        return index.reshape(len(done) * len(table), -1)

    axes = list(zip(tables, positions, strict=True))
    channels = (np.arange(n_channels)[None], n_channels)
    axes.insert(len(axes) if channels_last else 0, channels)
    table = reduce(outer, axes, np.zeros((1, 1), dtype=int))
    if channels_last:
        return table.reshape(len(table), -1, n_channels)
    return table.reshape(len(table), n_channels, -1).swapaxes(1, 2)
