"""Build of `nengo.builder.operator.Copy`."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from nengo.builder.operator import Copy, Operator
from nengo.builder.signal import Signal

from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.builders.tensor_signal import TensorSignal


def _selected(signal: TensorSignal, selection: Any) -> TensorSignal:
    """Select a part of a signal by a slice, list or mask of its items."""
    if selection is None:
        return signal
    if not isinstance(selection, slice):
        selection = np.arange(signal.shape[0])[np.asarray(selection)]
    return signal[selection]


@Builder.register(Copy)
class CopyBuilder(OpBuilder):
    """Copy signals, or parts of them, to others, or add them.

    Parameters
    ----------
    ops : tuple of nengo.builder.operator.Copy
        The operators of the group.
    """

    def steps_are_items(self, config: BuildConfig) -> bool:
        """Steps are items; see `OpBuilder.steps_are_items`."""
        return True

    def is_linear(self, config: BuildConfig) -> bool:
        """Copies are linear; see `OpBuilder.is_linear`."""
        return True

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look the signals up; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.src = signals.combine(
            [_selected(signals[op.src], op.src_slice) for op in self.ops]
        )
        self.dst = signals.combine(
            [_selected(signals[op.dst], op.dst_slice) for op in self.ops]
        )

    def build_step(self, signals: SignalDict) -> None:
        """Copy; see `OpBuilder.build_step`."""
        value = signals.gather(self.src)
        if self.src.shape != self.dst.shape:
            value = tf.broadcast_to(
                value, value.shape[: -self.src.ndim] + self.dst.shape
            )
        signals.scatter(self.dst, value, mode=self.mode)

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Copies merge unless one broadcasts; see `OpBuilder.mergeable`."""
        return bool(x.inc == y.inc) and not (_broadcasts(x) or _broadcasts(y))


def _broadcasts(op: Copy) -> bool:
    """Whether the source is smaller than the destination."""
    return _size(op.src, op.src_slice) != _size(op.dst, op.dst_slice)


def _size(signal: Signal, selection: Any) -> int:
    """Count the items of a signal that are selected."""
    if selection is None:
        return int(signal.size)
    return int(np.empty(signal.shape)[selection].size)
