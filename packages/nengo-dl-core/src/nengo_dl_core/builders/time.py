"""Build of `nengo.builder.operator.TimeUpdate`."""

from __future__ import annotations

import tensorflow as tf
from nengo.builder.operator import TimeUpdate

from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.signals import SignalDict


@Builder.register(TimeUpdate)
class TimeUpdateBuilder(OpBuilder):
    """Set the step counter and the simulation time, which the loop counts.

    Parameters
    ----------
    ops : tuple of nengo.builder.operator.TimeUpdate
        The single operator of this type that a model has.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look the two signals up; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        (op,) = self.ops
        self.step = signals[op.step]
        self.time = signals[op.time]

    def build_step(self, signals: SignalDict) -> None:
        """Set step and time; see `OpBuilder.build_step`."""
        signals.scatter(self.step, tf.cast(signals.step, self.step.dtype))
        time = tf.cast(signals.step, self.time.dtype) * signals.dt
        signals.scatter(self.time, time)
