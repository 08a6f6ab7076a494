"""Which elements of a signal anything reaches.

A padded image has elements that are always zero, since nothing is connected to them,
and so does the input of an ensemble in a dimension that is not used. Products with
these are no operations: who builds the network in hardware leaves them out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from nengo.builder import Model
from nengo.builder.operator import Copy, Operator, Reset
from nengo.builder.signal import Signal

from nengo_dl_optimizer import written_signals

Mask = npt.NDArray[np.bool_]


def reached_elements(model: Model) -> Callable[[Signal], Mask]:
    """Find out which elements of signals can be other than zero.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.

    Returns
    -------
    reached : callable
        Gives for a signal with one axis, as inputs of weights are, ``(size,)`` bools:
        whether an operator writes the element, beside a reset to zero. All of them are
        reached in a signal that no operator writes, for it is an input.
    """
    writers: dict[Signal, list[tuple[Operator, Signal]]] = {}
    for op in model.operators:
        for sig in written_signals(op):
            writers.setdefault(sig.base, []).append((op, sig))

    def reached(signal: Signal) -> Mask:
        base = signal.base
        mask = np.full(base.size, base not in writers)
        for op, sig in writers.get(base, ()):
            if not (type(op) is Reset and np.all(np.asarray(op.value) == 0)):
                places = _places(sig)
                if type(op) is Copy and op.dst_slice is not None:
                    places = places.reshape(sig.shape)[op.dst_slice].reshape(-1)
                mask[places] = True
        return mask[_places(signal)]

    return reached


def _places(signal: Signal) -> npt.NDArray[np.int64]:
    """Where the elements of a view lie in its base."""
    axes = [
        np.arange(length) * stride
        for length, stride in zip(signal.shape, signal.elemstrides, strict=True)
    ]
    offsets = sum(np.meshgrid(*axes, indexing="ij"), np.int64(signal.elemoffset))
    return np.asarray(offsets).reshape(-1)
