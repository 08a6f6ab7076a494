"""Build of first-order linear filters, such as `nengo.Lowpass`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
import tensorflow as tf
from nengo.builder.operator import Operator
from nengo.builder.processes import SimProcess
from nengo.synapses import LinearFilter

from nengo_dl_core import tuning
from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.linear_system import LinearSystem
from nengo_dl_core.builders.numerics import rounded_product
from nengo_dl_core.builders.signals import SignalDict


def filter_step(op: SimProcess, dt: float) -> LinearFilter.Step:
    """Find the discrete system by which Nengo computes a linear filter.

    Parameters
    ----------
    op : nengo.builder.processes.SimProcess
        Operator of a `nengo.LinearFilter`.
    dt : float
        Length of a step, in seconds.

    Returns
    -------
    step : nengo.LinearFilter.Step
        Has the matrices ``A``, ``B``, ``C``, ``D``; its type says which are needed.
    """
    return _filter_step(op.process, op.output.shape, dt)


@lru_cache
def _filter_step(
    process: LinearFilter, shape: tuple[int, ...], dt: float
) -> LinearFilter.Step:
    """Discretise a filter, once for all filters that are alike, since it is slow."""
    state = process.make_state(shape, shape, dt)
    return process.make_step(shape, shape, dt, None, state)


def alike(
    ops: Iterable[SimProcess], dt: float
) -> Iterator[tuple[LinearSystem, list[SimProcess]]]:
    """Divide operators by their filter.

    Parameters
    ----------
    ops : list of nengo.builder.processes.SimProcess
        Operators of linear filters.
    dt : float
        Length of a step, in seconds.

    Yields
    ------
    system : LinearSystem
        One of the filters, from its input and state to its output and next state.
    ops : list of nengo.builder.processes.SimProcess
        Its operators.
    """
    found: dict[LinearFilter, list[SimProcess]] = {}
    for op in ops:
        found.setdefault(op.process, []).append(op)
    for same in found.values():
        step = filter_step(same[0], dt)
        A, C = step.A, step.C
        B, D = (np.reshape(x, (-1, 1)) for x in (step.B, step.D))
        if isinstance(step, LinearFilter.OneX):  # its state is the output
            B, C = B * C, np.ones_like(C)
        if isinstance(step, LinearFilter.OneX | LinearFilter.NoD):  # it is C x'
            C, D = C @ A, C @ B
        yield LinearSystem(A, B, C, D), same


def pays_in_blocks(
    ops: Sequence[SimProcess], config: BuildConfig, minibatch_size: int
) -> bool:
    """Whether filters are computed for blocks of steps where they can be.

    Parameters
    ----------
    ops : list of nengo.builder.processes.SimProcess
        Operators of linear filters of one order.
    config : BuildConfig
        Settings of the simulation.
    minibatch_size : int
        Number of items in a minibatch.

    Returns
    -------
    pays : bool
        Not if there are many elements, of low order, and a CPU goes through them.
    """
    order = len(filter_step(ops[0], 0.001).A)  # the same for each length of a step
    size = minibatch_size * max(op.output.size for op in ops)  # one layer's, of many
    return (
        not config.cpu_only
        or order >= tuning.MIN_ORDER_IN_BLOCKS
        or size <= tuning.MAX_FILTERED_SIZE
    )


class LowpassBuilder(OpBuilder):
    """Compute first-order filters, ``y[t] = a y[t - 1] + b u[t]``.

    Parameters
    ----------
    ops : tuple of nengo.builder.processes.SimProcess
        Operators without state, as `remove_filter_state` makes them.
    """

    def is_linear(self, config: BuildConfig) -> bool:
        """It is linear; see `OpBuilder.is_linear`."""
        return True

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Compute the coefficients; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.input = signals.combine([op.input for op in self.ops])
        self.output = signals.combine([op.output for op in self.ops])
        steps = [filter_step(op, signals.dt) for op in self.ops]
        sizes = [op.output.shape[0] if op.output.shape else 1 for op in self.ops]
        shape = (1, -1) + (1,) * (self.output.ndim - 1)
        self.a, self.b = (
            signals.op_constant(steps, sizes, name, signals.dtype, shape)
            for name in ("a", "b")
        )

    def build_step(self, signals: SignalDict) -> None:
        """Filter the input; see `OpBuilder.build_step`."""
        signals.scatter(
            self.output,
            rounded_product(self.a, signals.gather(self.output))
            + rounded_product(self.b, signals.gather(self.input)),
        )

    def has_closed_form(self, config: BuildConfig, minibatch_size: int) -> bool:
        """It is linear; see `OpBuilder.has_closed_form`."""
        return pays_in_blocks(self.ops, config, minibatch_size)

    def build_steps(self, signals: SignalDict, state: SignalDict | None) -> None:
        """Filter the inputs of all steps; see `OpBuilder.build_steps`."""
        assert state is not None
        n_steps = signals.minibatch_size // state.minibatch_size
        for system, ops in alike(self.ops, signals.dt):
            outputs = [op.output for op in ops]
            u = signals.gather(signals.combine([op.input for op in ops]))
            last = state.combine(outputs)
            y, x = system.respond(
                tf.reshape(u, (n_steps, 1, -1)),
                tf.reshape(state.gather(last), (1, -1)),
            )
            signals.scatter(signals.combine(outputs), y)
            state.scatter(last, x)

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Filters of any sizes merge; see `OpBuilder.mergeable`."""
        return True
