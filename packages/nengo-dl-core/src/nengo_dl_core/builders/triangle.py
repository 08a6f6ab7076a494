"""Build of `nengo.Triangle`."""

from __future__ import annotations

import tensorflow as tf
from nengo.builder.operator import Operator

from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.numerics import rounded_product
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.builders.tensor_signal import TensorSignal


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

    has_fast_kernels = True

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look the signals up; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.n_taps = self.ops[0].state["X"].shape[0]
        self.input = signals.combine([op.input for op in self.ops])
        self.output = signals.combine([op.output for op in self.ops])
        self.filtered, self.latest, self.position = self._kept(signals)

    def _kept(self, signals: SignalDict) -> tuple[TensorSignal, ...]:
        """Find the output, the latest inputs, and the place of the last of them."""
        n_ops, size = len(self.ops), self.ops[0].output.size
        filtered, latest, position = (
            signals.combine([op.state[name] for op in self.ops])
            for name in ("Y", "X", "Xi")
        )
        # axes: operators, inputs, elements
        return (
            filtered,
            latest.reshape((n_ops, self.n_taps, size)),
            position.reshape((n_ops, 1, 1)),
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

    def has_closed_form(self, config: BuildConfig, minibatch_size: int) -> bool:
        """It is a sum of few inputs; see `OpBuilder.has_closed_form`."""
        return True

    def build_steps(self, signals: SignalDict, state: SignalDict | None) -> None:
        """Filter the inputs of all steps; see `OpBuilder.build_steps`."""
        assert state is not None
        n_taps, n_ops = self.n_taps, len(self.ops)
        n_items = state.minibatch_size
        n_steps = signals.minibatch_size // n_items
        filtered, latest, position = self._kept(state)
        place = state.gather(position)
        by_place = state.gather(latest)
        before = _rotated(by_place, place[..., 0] + 1)  # the oldest one is the first
        before = tf.reshape(tf.transpose(before, (2, 0, 1, 3)), (n_taps, -1))
        u = tf.reshape(signals.gather(self.input), (n_steps, -1))
        inputs = tf.concat([before, u * (2 / (n_taps * (n_taps + 1)))], 0)
        weights = tf.range(1, n_taps + 1, dtype=u.dtype)[:, None, None, None]
        y = tf.nn.conv2d(inputs[None, 1:, :, None], weights, 1, "VALID")[0, :, :, 0]
        signals.scatter(self.output, y, mode=self.mode)
        after = tf.reshape(inputs[-n_taps:], (n_taps, n_items, n_ops, -1))
        place = (place + n_steps) % n_taps
        state.scatter(filtered, y[-1])
        state.scatter(position, place)
        state.scatter(
            latest, _rotated(tf.transpose(after, (1, 2, 0, 3)), -1 - place[..., 0])
        )
        if self.mode == "update":
            state.scatter(state.combine([op.output for op in self.ops]), y[-1])

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Filters of one length and size merge; see `OpBuilder.mergeable`."""
        return bool(x.state["X"].shape == y.state["X"].shape)


def _rotated(inputs: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
    """Let inputs, ``(..., n_taps, size)``, begin at one, ``(..., 1)``, and go round."""
    n_taps = inputs.shape[-2]
    places = (first + tf.range(n_taps, dtype=first.dtype)) % n_taps
    return tf.gather(inputs, tf.cast(places, tf.int32), axis=2, batch_dims=2)
