"""Build of linear filters of any order, such as `nengo.Alpha`."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from nengo.synapses import LinearFilter

from nengo_dl_core.builder import BuildConfig, OpBuilder
from nengo_dl_core.builders.lowpass import filter_step
from nengo_dl_core.signals import SignalDict


class LinearFilterBuilder(OpBuilder):
    """Compute filters ``x' = A x + B u`` with output ``C x'`` or ``C x + D u``.

    As in the reference simulator a filter that passes nothing through answers to the
    input of the same step.

    Parameters
    ----------
    ops : tuple of nengo.builder.processes.SimProcess
        Operators of filters of one order and one size.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Stack the matrices; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        steps = [filter_step(op, signals.dt) for op in self.ops]
        self.kind = type(steps[0])
        self.input = signals.combine([op.input for op in self.ops])
        self.output = signals.combine([op.output for op in self.ops])
        self.mode = "inc" if self.ops[0].mode == "inc" else "update"
        self.state = None
        if self.kind is not LinearFilter.NoX:
            self.state = signals.combine([op.state["X"] for op in self.ops])

        def stacked(name: str, shape: tuple[int, ...]) -> tf.Tensor:
            values = [np.reshape(getattr(step, name), shape) for step in steps]
            return tf.constant(np.stack(values), signals.dtype)

        order = len(steps[0].A)
        self.A = stacked("A", (order, order))
        self.B = stacked("B", (order, 1))
        self.C = stacked("C", (1, order))
        self.D = stacked("D", (1, 1))

    def build_step(self, signals: SignalDict) -> None:
        """Filter the input; see `OpBuilder.build_step`."""
        batch = signals.minibatch_size if self.output.minibatched else 1
        n_ops, order = self.B.shape[:2]
        # (minibatch, operators, order or 1, elements)
        u = tf.reshape(signals.gather(self.input), (batch, n_ops, 1, -1))
        if self.state is None:
            signals.scatter(self.output, self.D * u, mode=self.mode)
            return
        x = tf.reshape(signals.gather(self.state), (batch, n_ops, order, -1))
        new = tf.matmul(self.A, x) + self.B * u
        passes = self.kind is LinearFilter.General
        y = tf.matmul(self.C, x) + self.D * u if passes else tf.matmul(self.C, new)
        signals.scatter(self.output, y, mode=self.mode)
        signals.scatter(self.state, new)
