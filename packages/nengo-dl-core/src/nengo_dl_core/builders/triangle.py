"""Build of `nengo.Triangle`."""

from __future__ import annotations

import tensorflow as tf
from nengo.builder.operator import Operator

from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.numerics import rounded_product
from nengo_dl_core.builders.signals import SignalDict


class TriangleBuilder(OpBuilder):
    """Compute averages over the latest inputs, with weights that fall to zero.

    Of ``n`` inputs the latest has weight ``n d`` and the oldest ``d``, where ``d = 2 /
    (n (n + 1))``. With each step every weight falls by ``d``, so that the filter keeps
    its output ``y`` and the inputs times ``d``: ``y' = y + n d u - sum_i d u_i``.

    Parameters
    ----------
    ops : tuple of nengo.builder.processes.SimProcess
        Operators of filters of one length and one size.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look the signals up; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        n_ops, size = len(self.ops), self.ops[0].output.size
        states = [op.state for op in self.ops]
        self.n_taps = states[0]["X"].shape[0]
        self.input = signals.combine([op.input for op in self.ops])
        self.output = signals.combine([op.output for op in self.ops])
        self.filtered = signals.combine([state["Y"] for state in states])
        # axes: operators, inputs, elements
        self.latest = signals.combine([state["X"] for state in states]).reshape(
            (n_ops, self.n_taps, size)
        )
        self.position = signals.combine([state["Xi"] for state in states]).reshape(
            (n_ops, 1, 1)
        )

    def build_step(self, signals: SignalDict) -> None:
        """Filter the input; see `OpBuilder.build_step`."""
        total = self.n_taps * (self.n_taps + 1) / 2
        u = signals.gather(self.input)
        latest = signals.gather(self.latest)
        expired = tf.reshape(tf.reduce_sum(latest, axis=-2), self.output.full_shape)
        first = tf.constant(self.n_taps / total, u.dtype)
        y = signals.gather(self.filtered) + rounded_product(first, u) - expired
        position = (signals.gather(self.position) + 1) % self.n_taps
        entered = tf.reshape(u * (1 / total), (-1, len(self.ops), 1, latest.shape[-1]))
        taps = tf.range(self.n_taps, dtype=u.dtype)[:, None]
        signals.scatter(self.output, y, mode=self.mode)
        signals.scatter(self.filtered, y)
        signals.scatter(self.position, position)
        signals.scatter(self.latest, tf.where(taps == position, entered, latest))

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Filters of one length and size merge; see `OpBuilder.mergeable`."""
        return bool(x.state["X"].shape == y.state["X"].shape)
