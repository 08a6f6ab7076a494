"""The simulation loop: steps repeated within TensorFlow.

Only what must survive from one step to the next goes round the loop. What the steps
put out is written to buffers whose length is fixed when the loop is built, while the
number of steps is a value given at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

Step = Callable[
    [tf.Tensor, list[tf.Tensor], list[tf.Tensor]],
    tuple[list[tf.Tensor], list[tf.Tensor]],
]

# What is done from step ``i`` on, with what goes round the loop; what a step reads, and
# where it writes to.
Body = Callable[[tf.Tensor, list[Any]], list[Any]]
Read = Callable[[tf.Tensor], list[tf.Tensor]]
Row = Callable[[tf.Tensor], tf.Tensor]


class Output(NamedTuple):
    """Describes the buffer in which a loop collects one output of its steps.

    Attributes
    ----------
    length : int or tf.Tensor
        Number of rows.
    shape : tuple of int
        Shape of a row.
    dtype : str
        Type of the values.
    rows : tf.Tensor or None
        The row to which each step writes, ``(n_steps,)``. None stands for step ``i``
        in row ``i``.
    """

    length: int | tf.Tensor
    shape: tuple[int, ...]
    dtype: str
    rows: tf.Tensor | None


class Afterwards(NamedTuple):
    """A computation for several steps at once, after they have been simulated.

    It is what no later step needs, such as large decoders of Probes.

    Attributes
    ----------
    n_at_once : int
        How many steps it follows.
    kept : list of Output
        What the steps put out for it, after their other outputs.
    at_once : callable
        Computes more from what is kept, ``(n_at_once, *shape)`` both.
    step : callable
        Computes the rest step by step; its inputs are what is kept, and what has been
        computed at once.
    outputs : list of Output
        The buffers of that step.
    """

    n_at_once: int
    kept: Sequence[Output]
    at_once: Callable[[list[tf.Tensor]], list[tf.Tensor]]
    step: Step
    outputs: Sequence[Output]


def run_loop(
    step: Step,
    n_steps: tf.Tensor,
    first_step: tf.Tensor,
    inputs: Sequence[tf.Tensor],
    states: Sequence[tf.Tensor],
    outputs: Sequence[Output],
    unroll: int = 1,
    maximum: tf.Tensor | None = None,
    use_loop: bool = True,
    afterwards: Afterwards | None = None,
) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Repeat a simulation step in TensorFlow, and collect what it puts out.

    Parameters
    ----------
    step : callable
        Computes the values to put out and the new state from the number of the step,
        its inputs and the state.
    n_steps : tf.Tensor
        How many steps to run; exactly as many are.
    first_step : tf.Tensor
        Number of the first step.
    inputs : list of tf.Tensor
        Inputs of all steps, ``(n_steps or more, minibatch_size, size)``.
    states : list of tf.Tensor
        State before the first step.
    outputs : list of Output
        The buffers.
    unroll : int
        How many steps are built into one round of the loop.
    maximum : tf.Tensor, optional
        A bound of ``n_steps``, which the gradient of a compiled loop needs.
    use_loop : bool
        If not, exactly ``unroll`` steps are built, one after the other.
    afterwards : Afterwards, optional
        What follows every few steps; there is no gradient then.

    Returns
    -------
    values : list of tf.Tensor
        The filled buffers, ``(length, *shape)``; at the end those of what follows.
    states : list of tf.Tensor
        State after the last step.
    """
    n_states, n_early = len(states), len(states) + len(outputs)

    def advancing(step: Step, read: Read, rows: Sequence[Row]) -> Body:
        """Make the function that does step ``i``."""

        def advance(i: tf.Tensor, carried: list[Any]) -> list[Any]:
            number = first_step + tf.cast(i, first_step.dtype)
            values, new = step(number, read(i), carried[:n_states])
            arrays = zip(carried[n_states:], rows, values, strict=True)
            return [*new, *(array.write(row(i), value) for array, row, value in arrays)]

        return advance

    def repeated(
        advance: Body, start: tf.Tensor, stop: tf.Tensor, carried: list[Any]
    ) -> list[Any]:
        """Do the steps from ``start`` to ``stop``."""

        def unrolled(i: tf.Tensor, carried: list[Any]) -> list[Any]:
            for offset in range(unroll):
                carried = advance(i + offset, carried)
            return carried

        i, carried = _while(unrolled, start, stop, unroll, carried, maximum)
        if unroll > 1:
            _, carried = _while(advance, i, stop, 1, carried, maximum)
        return carried

    def read(i: tf.Tensor) -> list[tf.Tensor]:
        return [source[i] for source in inputs]

    rows = [_row(out) for out in outputs]
    carried = [*states, *_arrays(outputs)]
    start = tf.constant(0)
    if not use_loop:
        advance = advancing(step, read, rows)
        for index in range(unroll):
            carried = advance(start + index, carried)
    elif afterwards is None:
        carried = repeated(advancing(step, read, rows), start, n_steps, carried)
    else:
        several, kept = afterwards.n_at_once, afterwards.kept
        advance = advancing(step, read, [*rows, *[lambda i: i % several] * len(kept)])
        late_rows = [_row(out) for out in afterwards.outputs]

        def advance_several(start: tf.Tensor, carried: list[Any]) -> list[Any]:
            stop = tf.minimum(start + several, n_steps)
            early = [*carried[:n_early], *_arrays(kept)]
            early = repeated(advance, start, stop, early)
            known = [array.stack() for array in early[n_early:]]
            known += afterwards.at_once(known)
            follow = advancing(
                afterwards.step, lambda i: [x[i % several] for x in known], late_rows
            )
            late = [*early[:n_states], *carried[n_early:]]
            late = repeated(follow, start, stop, late)
            return [*late[:n_states], *early[n_states:n_early], *late[n_states:]]

        carried += _arrays(afterwards.outputs)
        last = n_steps + several - 1  # the last few steps may be fewer
        _, carried = _while(advance_several, start, last, several, carried, None)
    return [array.stack() for array in carried[n_states:]], carried[:n_states]


def _arrays(outputs: Sequence[Output]) -> list[tf.TensorArray]:
    return [
        tf.TensorArray(out.dtype, size=out.length, element_shape=out.shape)
        for out in outputs
    ]


def _row(output: Output) -> Row:
    """Make a function that finds the row of the buffer to which a step writes."""
    return (lambda i: i) if output.rows is None else output.rows.__getitem__


def _while(
    body: Body,
    start: tf.Tensor,
    stop: tf.Tensor,
    stride: int,
    carried: list[Any],
    maximum: tf.Tensor | None,
) -> tuple[tf.Tensor, list[Any]]:
    """Repeat a body, ``stride`` steps at a time, as long as ``stop`` is not passed."""
    # With ``i <= stop - stride`` XLA would do a round if there are fewer steps than
    # one has: it counts rounds by a division that rounds towards zero, and adds one.
    i, *carried = tf.while_loop(
        lambda i, *_: i < stop - stride + 1,
        lambda i, *carried: [i + stride, *body(i, list(carried))],
        [start, *carried],
        parallel_iterations=1,
        maximum_iterations=None if maximum is None else maximum // stride,
    )
    return i, carried
