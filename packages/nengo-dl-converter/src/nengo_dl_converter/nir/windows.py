"""Windows of convolutions and pools: how many there are, and what lies in each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .. import indices
from .errors import NIRError
from .graph import Node


class Axis(NamedTuple):
    """How a window slides along an axis.

    Attributes
    ----------
    size, stride, dilation : int
        Elements in the window, and the distances between windows and between elements.
    before, after : int
        Zeros before and after the axis.
    """

    size: int
    stride: int
    dilation: int
    before: int
    after: int

    def n_windows(self, length: int) -> int:
        """How many windows there are on an axis; rounded down."""
        extent = self.dilation * (self.size - 1) + 1
        return (length + self.before + self.after - extent) // self.stride + 1

    def table(self, length: int) -> npt.NDArray[np.int64]:
        """Which elements are in each window: ``(n_windows, size)``, -1 for a zero."""
        first = np.arange(self.n_windows(length))[:, None] * self.stride - self.before
        position = first + np.arange(self.size) * self.dilation
        return np.where((position >= 0) & (position < length), position, -1)


def axes_of(name: str, node: Node) -> list[Axis]:
    """Say how the windows of a node slide.

    Parameters
    ----------
    name : str
        Name of the node.
    node : Node
        A convolution or a pool.

    Returns
    -------
    axes : list of Axis
        One for each axis but that of the channels.

    Raises
    ------
    NIRError
        If the padding is "same" although windows are more than one element apart.
    """
    if node.kind in ("SumPool2d", "AvgPool2d"):
        sizes, dilations = node["kernel_size"], (1, 1)
    else:
        sizes, dilations = node["weight"].shape[2:], node["dilation"]
    padding, strides = node["padding"], node["stride"]
    if padding == "same":
        if max(strides) > 1:
            raise NIRError(f'padding "same" needs stride 1, not {strides}', name)
        total = [d * (size - 1) for size, d in zip(sizes, dilations, strict=True)]
        around = [(n // 2, n - n // 2) for n in total]
    else:
        numbers = (0,) * len(sizes) if padding == "valid" else padding
        around = [(n, n) for n in numbers]
    return [
        Axis(size, stride, dilation, *zeros)
        for size, stride, dilation, zeros in zip(
            sizes, strides, dilations, around, strict=True
        )
    ]


def table_of(axes: Sequence[Axis], shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Which elements of an input are in each window.

    Parameters
    ----------
    axes : list of Axis
        How the windows slide.
    shape : tuple of int
        Shape of the input, channels first.

    Returns
    -------
    table : ndarray
        Flat indices, ``(n_windows, n_elements, n_channels)``; -1 for a zero.
    """
    tables = [axis.table(n) for axis, n in zip(axes, shape[1:], strict=True)]
    return indices.combine(tables, shape[1:], shape[0], channels_last=False)
