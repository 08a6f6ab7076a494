"""Build of `nengo_dl_core.Delay`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf
from nengo.builder.operator import Operator
from nengo.builder.processes import SimProcess

from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.builders.tensor_signal import TensorSignal
from nengo_dl_core.network.delays import learned_delays


class DelayBuilder(OpBuilder):
    """Move the inputs of the last steps on by one, and read where the delays say.

    Where a step is computed, elements of different delays are read by a mask, whose
    gradient is a mask again; that of an index would be a loop over elements.

    Parameters
    ----------
    ops : tuple of nengo.builder.processes.SimProcess
        Operators of delays of one depth and one size.
    """

    def __init__(self, ops: Sequence[SimProcess]) -> None:
        super().__init__(ops)
        self.depth = ops[0].process.depth
        self.is_learned = learned_delays(ops[0]) is not None
        self.is_shift = not self.is_learned and all(
            (op.process.steps == self.depth).all() for op in ops
        )
        self.has_fast_kernels = not self.is_shift
        self.takes_parameters_of_items = not self.is_learned

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Find the delays; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.input = signals.combine([op.input for op in self.ops])
        self.output = signals.combine([op.output for op in self.ops])
        self.shape = len(self.ops), self.ops[0].output.size
        self.fraction: tf.Tensor | None = None
        if self.depth and not self.is_shift:
            self.steps = self._whole_steps(signals)

    def _past(self, signals: SignalDict) -> TensorSignal:
        """Find the last inputs: operators, inputs from the latest on, elements."""
        n_ops, size = self.shape
        past = signals.combine([op.state["past"] for op in self.ops])
        return past.reshape((n_ops, self.depth, size))

    def _whole_steps(self, signals: SignalDict) -> tf.Tensor:
        """Divide the delays, ``(n_ops, size)``, into whole steps and the rest."""
        learned = [learned_delays(op) for op in self.ops]
        given = [
            op.process.steps if sig is None else signals.gather(signals[sig])
            for op, sig in zip(self.ops, learned, strict=True)
        ]
        delays = tf.stack(
            [tf.broadcast_to(tf.cast(x, signals.dtype), self.shape[1:]) for x in given]
        )
        within = tf.clip_by_value(delays, 0, self.depth)
        as_trained = self.config.training or self.config.as_trained
        if not (self.is_learned and as_trained) or self.config.inference_only:
            return tf.cast(tf.round(within), tf.int32)
        # What has left the range is at its end, and comes back by the slope there
        delays += tf.stop_gradient(within - delays)
        steps = tf.stop_gradient(tf.minimum(tf.floor(delays), self.depth - 1))
        self.fraction = delays - steps
        return tf.cast(steps, tf.int32)

    def _delayed(self, read: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
        """Read the inputs of before: of two steps, where delays are learned."""
        y = read(self.steps)
        if self.fraction is None:
            return y
        return y + self.fraction * (read(self.steps + 1) - y)

    def build_step(self, signals: SignalDict) -> None:
        """Hand on an input of before; see `OpBuilder.build_step`."""
        x = signals.gather(self.input)
        if not self.depth:
            signals.scatter(self.output, x, mode=self.mode)
            return
        n_ops, size = self.shape
        kept = self._past(signals)
        past = signals.gather(kept)
        known = tf.concat([tf.reshape(x, (-1, n_ops, 1, size)), past], -2)
        places = tf.range(self.depth + 1)[:, tf.newaxis]

        def read(steps: tf.Tensor) -> tf.Tensor:
            chosen = places == steps[:, tf.newaxis]
            return tf.reduce_sum(tf.where(chosen, known, tf.zeros_like(known)), -2)

        y = past[..., -1, :] if self.is_shift else self._delayed(read)
        signals.scatter(self.output, y, mode=self.mode)
        signals.scatter(kept, known[..., :-1, :])

    def has_closed_form(self, config: BuildConfig, minibatch_size: int) -> bool:
        """It moves inputs along time; see `OpBuilder.has_closed_form`."""
        return True

    def build_steps(self, signals: SignalDict, state: SignalDict | None) -> None:
        """Delay the inputs of all steps; see `OpBuilder.build_steps`."""
        assert state is not None
        n_items = state.minibatch_size
        n_steps = signals.minibatch_size // n_items
        known = tf.reshape(signals.gather(self.input), (n_steps, n_items, *self.shape))
        if self.depth:
            kept = self._past(state)
            before = tf.transpose(state.gather(kept)[:, :, ::-1], (2, 0, 1, 3))
            known = tf.concat([before, known], 0)  # inputs by time, the oldest first
            after = known[n_steps:][::-1]
            state.scatter(kept, tf.transpose(after, (1, 2, 0, 3)))
        if self.is_shift:
            y = known[:n_steps]
        else:
            by_element = tf.transpose(known, (2, 3, 0, 1))
            now = tf.range(self.depth, self.depth + n_steps)

            def read(steps: tf.Tensor) -> tf.Tensor:
                places = now - steps[..., tf.newaxis]
                found = tf.gather(by_element, places, axis=2, batch_dims=2)
                return tf.transpose(found, (2, 3, 0, 1))

            y = self._delayed(read)
        signals.scatter(self.output, y, mode=self.mode)
        if self.mode == "update":
            state.scatter(state.combine([op.output for op in self.ops]), y[-1])

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Delays of one depth and size merge; see `OpBuilder.mergeable`."""
        return bool(
            x.process.depth == y.process.depth and x.output.shape == y.output.shape
        )
