"""Build of first-order linear filters, such as `nengo.Lowpass`."""

from __future__ import annotations

from functools import lru_cache

from nengo.builder.operator import Operator
from nengo.builder.processes import SimProcess
from nengo.synapses import LinearFilter

from nengo_dl_core.builders.base import BuildConfig, OpBuilder
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


class LowpassBuilder(OpBuilder):
    """Compute first-order filters, ``y[t] = a y[t - 1] + b u[t]``.

    Parameters
    ----------
    ops : tuple of nengo.builder.processes.SimProcess
        Operators without state, as `remove_filter_state` makes them.
    """

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

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Filters of any sizes merge; see `OpBuilder.mergeable`."""
        return True
