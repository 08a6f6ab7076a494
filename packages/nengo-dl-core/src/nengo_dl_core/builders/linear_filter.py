"""Build of linear filters of any order, such as `nengo.Alpha`."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import tensorflow as tf
from nengo.builder import Model
from nengo.builder.operator import Operator
from nengo.builder.processes import SimProcess, build_process
from nengo.builder.signal import Signal
from nengo.synapses import Alpha, LinearFilter, Lowpass

from nengo_dl_core import tuning
from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.lowpass import alike, filter_step, pays_in_blocks
from nengo_dl_core.builders.numerics import rounded_product
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.network.build import NengoBuilder


class LinearFilterBuilder(OpBuilder):
    """Compute filters ``x' = A x + B u`` with output ``C x'`` or ``C x + D u``.

    The first form is that of filters without passthrough (``D = 0``): as in the
    reference simulator, their output depends on the input of the same step.

    Parameters
    ----------
    ops : tuple of nengo.builder.processes.SimProcess
        Operators of filters of one order and one size.
    """

    def is_linear(self, config: BuildConfig) -> bool:
        """It is linear; see `OpBuilder.is_linear`."""
        return True

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Stack the matrices; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        steps = [filter_step(op, signals.dt) for op in self.ops]
        n_ops, order = len(steps), len(steps[0].A)
        self.passes_through = isinstance(steps[0], LinearFilter.General)
        # axes: operators, order (or one), elements
        self.input, self.output = (
            signals.combine([getattr(op, end) for op in self.ops]).reshape(
                (n_ops, 1, self.ops[0].output.size)
            )
            for end in ("input", "output")
        )
        self.state = None
        if order:
            self.state = signals.combine([op.state["X"] for op in self.ops]).reshape(
                (n_ops, order, self.ops[0].output.size)
            )

        def stacked(name: str, shape: tuple[int, ...]) -> tf.Tensor:
            values = [np.reshape(getattr(step, name), shape) for step in steps]
            return tf.constant(np.stack(values), signals.dtype)

        self.A = stacked("A", (order, order))
        self.D = stacked("D", (1, 1))
        if isinstance(steps[0], LinearFilter.OneX):  # its state is the output
            self.B = stacked("b", (1, 1))
            self.C = tf.ones_like(self.B)
        else:
            self.B = stacked("B", (order, 1))
            self.C = stacked("C", (1, order))

    def build_step(self, signals: SignalDict) -> None:
        """Filter the input; see `OpBuilder.build_step`."""
        u = signals.gather(self.input)
        if self.state is None:
            signals.scatter(self.output, rounded_product(self.D, u), mode=self.mode)
            return
        x = signals.gather(self.state)
        product = _product if self.config.cpu_only else tf.matmul
        new = product(self.A, x) + rounded_product(self.B, u)
        if self.passes_through:
            y = product(self.C, x) + rounded_product(self.D, u)
        else:
            y = product(self.C, new)
        signals.scatter(self.output, y, mode=self.mode)
        signals.scatter(self.state, new)

    def has_closed_form(self, config: BuildConfig, minibatch_size: int) -> bool:
        """It is linear; see `OpBuilder.has_closed_form`."""
        return pays_in_blocks(self.ops, config, minibatch_size)

    def build_steps(self, signals: SignalDict, state: SignalDict | None) -> None:
        """Filter the inputs of all steps; see `OpBuilder.build_steps`."""
        assert state is not None
        n_items = state.minibatch_size
        n_steps = signals.minibatch_size // n_items
        size = self.ops[0].output.size
        for system, ops in alike(self.ops, signals.dt):
            order, shape = len(system.A), (n_items, len(ops), size)
            u = signals.gather(signals.combine([op.input for op in ops]))
            u = tf.reshape(u, (n_steps, 1, -1))
            if order:
                kept = state.combine([op.state["X"] for op in ops]).reshape(
                    (len(ops), order, size)
                )
                x = tf.transpose(state.gather(kept), (2, 0, 1, 3))
                y, x = system.respond(u, tf.reshape(x, (order, -1)))
                x = tf.transpose(tf.reshape(x, (order, *shape)), (1, 2, 0, 3))
                state.scatter(kept, x)
            else:
                y = rounded_product(tf.constant(system.D, u.dtype), u)
            outputs = [op.output for op in ops]
            signals.scatter(signals.combine(outputs), y, mode=self.mode)
            if self.mode == "update":
                state.scatter(state.combine(outputs), y[-1])

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Filters of one form, order and size merge; see `OpBuilder.mergeable`."""
        # dt changes the matrices, not which of them there are
        steps = [filter_step(op, 0.001) for op in (x, y)]
        return (
            type(steps[0]) is type(steps[1])
            and len(steps[0].A) == len(steps[1].A)
            and bool(x.output.shape == y.output.shape)
        )


def _product(matrices: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Multiply ``(n_ops, m, n)`` matrices by ``(..., n_ops, n, n_elements)`` states."""
    order = matrices.shape[-1]
    if order > tuning.MAX_ORDER_WRITTEN_OUT:
        return tf.matmul(matrices, x)
    terms = [
        rounded_product(matrices[..., i : i + 1], x[..., i : i + 1, :])
        for i in range(order)
    ]
    return sum(terms[1:], start=terms[0])


# Types that begin with zeros, as many rows of them as the filter has values to keep
_KNOWN = {Alpha, LinearFilter, Lowpass}


@lru_cache(maxsize=256)
def _n_values(synapse: LinearFilter, dt: float) -> int:
    """Return how many values a filter keeps from step to step."""
    return len(synapse.make_state((1,), (1,), dt)["X"])


@NengoBuilder.register(LinearFilter)
def build_filter(
    model: Model,
    synapse: LinearFilter,
    sig_in: Signal | None = None,
    sig_out: Signal | None = None,
    mode: str = "set",
) -> Signal:
    """Build a filter as Nengo does, without solving its equations again.

    Nengo solves them for each of the many synapses that are alike, to learn how many
    zeros a filter begins with: a fifth of the build of a network of small ensembles.

    Parameters
    ----------
    model : nengo.builder.Model
        The model.
    synapse : nengo.synapses.LinearFilter
        The filter.
    sig_in : nengo.builder.Signal
        What is filtered.
    sig_out : nengo.builder.Signal, optional
        Where the result goes; by default a new signal.
    mode : str
        How it gets there: ``"set"``, ``"inc"`` or ``"update"``.

    Returns
    -------
    sig_out : nengo.builder.Signal
        Where the result goes.
    """
    if type(synapse) not in _KNOWN or sig_in is None or sig_in.dtype.kind != "f":
        return build_process(model, synapse, sig_in, sig_out, mode)
    if sig_out is None:
        sig_out = Signal(shape=sig_in.shape, name=f"{sig_in.name}.{synapse}")
    shape = _n_values(synapse, model.dt), *sig_out.shape
    state = {"X": Signal(np.zeros(shape, sig_out.dtype))}
    model.sig[synapse]["_state_X"] = state["X"]
    tag = str(synapse)
    model.add_op(
        SimProcess(synapse, sig_in, sig_out, model.time, mode, state=state, tag=tag)
    )
    return sig_out
