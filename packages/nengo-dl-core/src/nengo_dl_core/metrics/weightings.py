r"""Counts in how many products each input of a linear operator takes part.

A step multiplies each element :math:`x_j` of an input with the weights that leave it.
If :math:`f_j` of these are not zero, and :math:`x_j` is not zero in :math:`n_j` steps,
the effective operations of a run are :math:`\sum_j f_j n_j`. So a run needs to count
no products, only what is not zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from nengo.builder.operator import DotInc, Operator, SparseDotInc
from nengo.builder.signal import Signal
from nengo.builder.transforms import ConvInc, ConvTransposeInc, calc_gradx_pad, calc_pad

from nengo_dl_optimizer import sparse_entries

Counts = npt.NDArray[np.int64]
Weights = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Weighting:
    """Weights, and how many of them each element of an input is multiplied by.

    Parameters
    ----------
    n_weights : int
        Number of weights; those that a sparse matrix leaves out are among them.
    n_zeros : int
        How many of them are zero.
    fan_out : (size_in,) ndarray
        For each element of the input, the number of weights that it is multiplied by.
    effective_fan_out : (size_in,) ndarray
        The same without weights that are zero.
    """

    n_weights: int
    n_zeros: int
    fan_out: Counts
    effective_fan_out: Counts

    def learned(self) -> Weighting:
        """Count all weights as effective, since learning changes which are zero."""
        return Weighting(self.n_weights, self.n_zeros, self.fan_out, self.fan_out)


def weights_of(op: Operator) -> Signal:
    """Return the signal of the weights of an operator.

    Parameters
    ----------
    op : nengo.builder.Operator
        An operator of a type in `WEIGHTINGS`.

    Returns
    -------
    signal : nengo.builder.Signal
        Its weights.
    """
    return op.W if isinstance(op, (ConvInc, ConvTransposeInc)) else op.A


def _dense(op: DotInc, weights: Weights) -> Weighting:
    """Count for a product of a matrix, or of a vector, with a vector."""
    matrix = np.atleast_2d(weights)
    effective = np.count_nonzero(matrix, axis=0)
    return Weighting(
        n_weights=matrix.size,
        n_zeros=int(matrix.size - effective.sum()),
        fan_out=np.full(matrix.shape[1], matrix.shape[0]),
        effective_fan_out=effective,
    )


def _sparse(op: SparseDotInc, weights: Weights) -> Weighting:
    """Count for a sparse matrix, of which the entries are given."""
    n_rows, n_columns = op.A.shape
    places = sparse_entries(op.A)[0][weights != 0]
    columns = np.unique(places, axis=0)[:, 1]  # a place may have several entries
    return Weighting(
        n_weights=n_rows * n_columns,
        n_zeros=n_rows * n_columns - len(columns),
        fan_out=np.full(n_columns, n_rows),
        effective_fan_out=np.bincount(columns, minlength=n_columns),
    )


def _convolution(op: ConvInc | ConvTransposeInc, weights: Weights) -> Weighting:
    """Count for a convolution or a transposed one.

    Position ``o`` of the smaller image meets position ``o * stride + k - before`` of
    the larger one at offset ``k`` of the kernel, where that is within the image: what
    is padded is no operation.
    """
    conv = op.conv
    transposed = isinstance(op, ConvTransposeInc)
    image, other = conv.input_shape, conv.output_shape
    small, large = (image, other) if transposed else (other, image)
    before = [
        (_padded_transposed if transposed else _padded)(conv.padding, *sizes)
        for sizes in zip(
            small.spatial_shape,
            large.spatial_shape,
            conv.strides,
            conv.kernel_size,
            strict=True,
        )
    ]

    def counted(of_channel: Counts) -> Counts:
        fan_out = np.zeros((*image.spatial_shape, image.n_channels), np.int64)
        for offset in np.ndindex(*conv.kernel_size):
            met = [
                _meeting(*axis)
                for axis in zip(
                    offset,
                    before,
                    conv.strides,
                    small.spatial_shape,
                    large.spatial_shape,
                    strict=True,
                )
            ]
            fan_out[np.ix_(*(axis[not transposed] for axis in met))] += of_channel[
                offset
            ]
        axes = fan_out if conv.channels_last else np.moveaxis(fan_out, -1, 0)
        return axes.reshape(-1)

    n_groups = getattr(conv, "groups", 1)
    *_, n_in, n_out = weights.shape
    grouped = (weights != 0).reshape(*weights.shape[:-1], n_groups, n_out // n_groups)
    # (..., channels of a group, groups) to (..., all channels), group by group
    effective = np.swapaxes(np.count_nonzero(grouped, axis=-1), -1, -2)
    of_channel = effective.reshape(*conv.kernel_size, n_groups * n_in)
    return Weighting(
        n_weights=weights.size,
        n_zeros=int(weights.size - np.count_nonzero(weights)),
        fan_out=counted(np.full_like(of_channel, n_out // n_groups)),
        effective_fan_out=counted(of_channel),
    )


def _meeting(
    offset: int, before: int, stride: int, n_small: int, n_large: int
) -> tuple[Counts, Counts]:
    """Pair the positions along an axis of two images that meet at an offset."""
    small = np.arange(n_small)
    large = small * stride + offset - before
    within = (large >= 0) & (large < n_large)
    return small[within], large[within]


def _padded(padding: str, small: int, large: int, stride: int, size: int) -> int:
    """How many positions Nengo pads before an axis of an image."""
    return int(calc_pad(padding, large, small, stride, size)) // 2


def _padded_transposed(
    padding: str, small: int, large: int, stride: int, size: int
) -> int:
    """How many positions a transposed convolution cuts off before an axis."""
    whole = int(calc_gradx_pad(padding, small, large, stride, size))
    return size - 1 - (whole + 1) // 2


WEIGHTINGS: dict[type[Operator], Callable[[Any, Weights], Weighting]] = {
    DotInc: _dense,
    SparseDotInc: _sparse,
    ConvInc: _convolution,
    ConvTransposeInc: _convolution,
}
"""For each type of operator that applies weights, what counts them.

Each takes an operator and the values of its weights, of sparse ones the entries.
"""
