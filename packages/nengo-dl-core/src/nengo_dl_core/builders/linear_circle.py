"""Linear operators that wait for each other, computed for many steps at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from nengo.builder.operator import Operator
from nengo.builder.signal import Signal

from nengo_dl_core.builders.base import BuildConfig, Group, OpBuilder
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.recurrence import Recurrence
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.builders.tensor_signal import TensorSignal, slices_of


class LinearCircle(Operator):
    """A circle of linear operators, of which all inputs are known for many steps.

    Parameters
    ----------
    groups : list of tuple of nengo.builder.Operator
        The operators, in execution order.
    inputs : list of nengo.builder.Signal
        What they read that comes from elsewhere.
    state : list of nengo.builder.Signal
        Base signals that one step leaves to the next; nobody else writes them.
    results : list of nengo.builder.Signal
        Base signals that are wanted.
    has_constants : bool
        Whether something is added that does not depend on what is read.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        inputs: Sequence[Signal],
        state: Sequence[Signal],
        results: Sequence[Signal],
        has_constants: bool,
    ) -> None:
        super().__init__()
        self.groups, self.inputs = groups, inputs
        self.state, self.results = state, results
        self.has_constants = has_constants


@Builder.register(LinearCircle)
class LinearCircleBuilder(OpBuilder):
    """Compute a circle of linear operators by powers of what a step does.

    A step is a matrix, which shows in what it makes of vectors of one: of each element
    of the state and of the inputs, as items of a minibatch, and of nothing at all. So
    it has the gradients of whatever parameters there are.

    Parameters
    ----------
    ops : tuple of LinearCircle
        A single operator.
    """

    def has_closed_form(self, config: BuildConfig, minibatch_size: int) -> bool:
        """It has; see `OpBuilder.has_closed_form`."""
        return True

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Find the matrices; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        (op,) = self.ops
        self.inputs = _known_once(op.inputs, signals)
        self.state = [signals[sig] for sig in op.state]
        self.results = [signals[sig] for sig in op.results]
        read = [*self.state, *self.inputs]
        sizes = [int(np.prod(sig.shape)) for sig in read]
        n_states, n_items = sum(sizes[: len(self.state)]), sum(sizes) + 1
        step = signals.for_items(n_items)
        builder = Builder(op.groups)
        builder.build_pre(step, config)
        ones = tf.split(tf.eye(n_items, n_items - 1, dtype=read[0].dtype), sizes, 1)
        for sig, value in zip(read, ones, strict=True):
            step.scatter(sig.for_items(n_items), value)
        builder.build_step(step)
        after, found = (
            _joined([step.gather(sig.for_items(n_items)) for sig in signals_])
            for signals_ in (self.state, self.results)
        )
        self.recurrence = Recurrence(
            *_divided(after, n_states, op.has_constants),
            *_divided(found, n_states, op.has_constants),
        )

    def build_steps(self, signals: SignalDict, state: SignalDict | None) -> None:
        """Compute all steps; see `OpBuilder.build_steps`."""
        assert state is not None
        (op,) = self.ops
        n_items, n_steps = state.minibatch_size, signals.minibatch_size
        inputs = [signals.gather(sig) for sig in self.inputs]
        kept = [sig.for_items(n_items) for sig in self.state]
        before = _joined([state.gather(sig) for sig in kept])
        if op.has_constants or not inputs:
            inputs.append(tf.ones((n_steps, int(op.has_constants)), before.dtype))
        given = _joined(inputs)
        outputs, after = self.recurrence.respond(
            tf.reshape(given, (n_steps // n_items, n_items, given.shape[1])), before
        )
        outputs = tf.reshape(outputs, (n_steps, outputs.shape[2]))
        for sig, value in zip(self.results, _parts(outputs, self.results), strict=True):
            signals.scatter(sig, value)
        for sig, value in zip(kept, _parts(after, kept), strict=True):
            state.scatter(sig, value)


def _known_once(views: Sequence[Signal], signals: SignalDict) -> list[TensorSignal]:
    """Find the rows that some of the views have, each of them once."""
    by_base: dict[Signal, list[TensorSignal]] = {}
    for view in views:
        by_base.setdefault(view.base, []).append(signals[view])
    found = []
    for same in by_base.values():
        rows = np.unique(np.concatenate([sig.rows for sig in same]))
        sig = same[0]
        width = int(np.prod(sig.shape)) // sig.n_rows
        found.append(
            type(sig)(
                slices_of(rows),
                sig.key,
                sig.dtype,
                (len(rows) * width,),
                sig.minibatch_size,
                sig.label,
            )
        )
    return found


def _joined(values: Sequence[tf.Tensor]) -> tf.Tensor:
    """Put the elements of several values into one row for each item."""
    return tf.concat([tf.reshape(x, (x.shape[0], -1)) for x in values], 1)


def _parts(rows: tf.Tensor, signals: Sequence[TensorSignal]) -> list[tf.Tensor]:
    """Undo `_joined`; `SignalDict.scatter` knows the shapes."""
    return list(tf.split(rows, [int(np.prod(sig.shape)) for sig in signals], 1))


def _divided(
    results: tf.Tensor, n_states: int, has_constants: bool
) -> tuple[tf.Tensor, tf.Tensor]:
    """Divide what a step makes of vectors of one, and of nothing.

    Returns
    -------
    of_state, of_inputs : tf.Tensor
        Matrices; where there are constants, an input of one is the last.
    """
    constant = results[-1:]
    if not has_constants:
        return results[:n_states], results[n_states:-1]
    linear = results[:-1] - constant
    return linear[:n_states], tf.concat([linear[n_states:], constant], 0)
