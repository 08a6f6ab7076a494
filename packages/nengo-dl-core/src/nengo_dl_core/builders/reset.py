"""Build of `nengo.builder.operator.Reset` and `ResetInc`."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from nengo.builder.operator import Operator, Reset

from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_optimizer import ResetInc


@Builder.register(Reset)
@Builder.register(ResetInc)
class ResetBuilder(OpBuilder):
    """Assign a constant to, or with `ResetInc` add it to, a group of signals.

    Parameters
    ----------
    ops : tuple of nengo.builder.operator.Reset
        The operators of the group.
    """

    def steps_are_items(self, config: BuildConfig) -> bool:
        """Steps are items; see `OpBuilder.steps_are_items`."""
        return True

    def is_linear(self, config: BuildConfig) -> bool:
        """It adds a constant; see `OpBuilder.is_linear`."""
        return True

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Make the constant; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.dst = signals.combine([op.dst for op in self.ops])
        values = np.concatenate(
            [np.full(max(op.dst.size, 1), op.value) for op in self.ops]
        )
        value = tf.constant(values, self.dst.dtype, self.dst.shape)
        self.value = tf.broadcast_to(value, self.dst.full_shape)

    def build_step(self, signals: SignalDict) -> None:
        """Assign the constant; see `OpBuilder.build_step`."""
        signals.scatter(self.dst, self.value, mode=self.mode)

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Resets always merge; see `OpBuilder.mergeable`."""
        return True
