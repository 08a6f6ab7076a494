"""Where the memory of a signal lies within its base signal."""

from __future__ import annotations

import numpy as np
from nengo.builder.signal import Signal
from nengo.exceptions import SignalError
from numpy.typing import NDArray


def extent(signal: Signal) -> tuple[int, int]:
    """First and one past the last byte of a signal, counted from its base.

    The same conservative notion of a view's memory that Nengo orders operators by:
    the elements that a strided view steps over count as its own.

    Parameters
    ----------
    signal : Signal
        Base signal or view.

    Returns
    -------
    start, stop : tuple of int
        In bytes; ``(0, 0)`` if the signal has no elements.
    """
    if not signal.is_view:
        return (0, signal.nbytes)
    if signal.size == 0:
        return (0, 0)
    spans = [
        stride * (n - 1) for stride, n in zip(signal.strides, signal.shape, strict=True)
    ]
    start = signal.offset + sum(span for span in spans if span < 0)
    stop = signal.offset + sum(span for span in spans if span > 0) + signal.itemsize
    return (start, stop)


def is_whole(signal: Signal) -> bool:
    """Whether a signal is its base signal, or a reshape of the whole of it."""
    return not signal.is_view or (
        signal.offset == 0
        and signal.size == signal.base.size
        and signal.initial_value.flags.c_contiguous
    )


def elements(signal: Signal) -> NDArray[np.intp]:
    """Positions of a signal's elements in its flattened base.

    Returns
    -------
    positions : (size,) array of int
        In the (row major) order of the signal's own elements.
    """
    if signal.sparse:
        return np.arange(signal.size)
    positions = np.full(signal.shape, signal.elemoffset, dtype=np.intp)
    for axis, stride in enumerate(signal.elemstrides):
        steps = stride * np.arange(signal.shape[axis])
        positions += steps.reshape((-1,) + (1,) * (signal.ndim - axis - 1))
    return positions.ravel()


def view_like(view: Signal, base: Signal) -> Signal:
    """Make the view onto ``base`` that ``view`` is onto its own base.

    Parameters
    ----------
    view : Signal
        A view, or a base signal (then ``base`` itself is the answer).
    base : Signal
        Base signal, or row major view of one, as large as ``view.base`` and of the
        same type.

    Raises
    ------
    nengo.exceptions.SignalError
        If ``base`` cannot take the place of ``view.base``.
    """
    if not view.is_view:
        return base
    if (
        base.sparse
        or base.size != view.base.size
        or base.dtype != view.dtype
        or not base.initial_value.flags.c_contiguous
    ):
        raise SignalError(
            f"{base!r} cannot stand for {view.base!r}: they need the same number of "
            f"elements ({base.size} and {view.base.size}), the same type "
            f"({base.dtype} and {view.dtype}), and row major order"
        )
    root = base.base
    memory = root.initial_value.base
    start = (
        root.initial_value.__array_interface__["data"][0]
        - memory.__array_interface__["data"][0]
    )
    offset = base.offset + view.offset
    value = np.ndarray(
        view.shape,
        dtype=view.dtype,
        buffer=memory,
        offset=start + offset,
        strides=view.strides,
    )
    return Signal(
        value, name=view.name, base=root, offset=offset, readonly=view.readonly
    )
