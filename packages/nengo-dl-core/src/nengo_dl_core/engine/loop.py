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
        in row ``i - first``.
    first : int or tf.Tensor
        The step that writes to the first row.
    """

    length: int | tf.Tensor
    shape: tuple[int, ...]
    dtype: str
    rows: tf.Tensor | None
    first: int | tf.Tensor = 0


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

    Returns
    -------
    values : list of tf.Tensor
        The filled buffers, ``(length, *shape)``.
    states : list of tf.Tensor
        State after the last step.
    """
    start, arrays = tf.constant(0), arrays_of(outputs)
    advance = _advancing(
        step, first_step, lambda i: [x[i] for x in inputs], outputs, len(states)
    )
    if not use_loop:
        carried = [*states, *arrays]
        for index in range(unroll):
            carried = advance(start + index, carried)
        states, arrays = carried[: len(states)], carried[len(states) :]
    else:
        states, arrays = _repeated(
            advance, start, n_steps, states, arrays, unroll, maximum
        )
    return [array.stack() for array in arrays], states


def run_part(
    step: Step,
    start: tf.Tensor,
    stop: tf.Tensor,
    first_step: tf.Tensor,
    read: Read,
    states: Sequence[tf.Tensor],
    outputs: Sequence[Output],
    arrays: Sequence[tf.TensorArray],
    unroll: int = 1,
) -> tuple[list[tf.Tensor], list[tf.TensorArray]]:
    """Repeat a step, from one round of a loop to another.

    Parameters
    ----------
    step : callable
        See `run_loop`.
    start, stop : tf.Tensor
        The first round, and that after the last one.
    first_step : tf.Tensor
        Number of the step that is round 0.
    read : callable
        Gives the inputs of a round.
    states : list of tf.Tensor
        State before the first of these rounds.
    outputs : list of Output
        The buffers.
    arrays : list of tf.TensorArray
        What is in them already, see `arrays_of`.
    unroll : int
        How many steps are built into one round.

    Returns
    -------
    states : list of tf.Tensor
        State after the last round.
    arrays : list of tf.TensorArray
        The buffers.
    """
    advance = _advancing(step, first_step, read, outputs, len(states))
    return _repeated(advance, start, stop, states, arrays, unroll)


def repeat_blocks(
    body: Body, n_steps: tf.Tensor, n_at_once: int, carried: list[Any]
) -> list[Any]:
    """Repeat a body that does several steps, the last time perhaps fewer.

    Parameters
    ----------
    body : callable
        What is done from a step on, with what goes round the loop.
    n_steps : tf.Tensor
        How many steps there are.
    n_at_once : int
        How many steps the body does.
    carried : list
        What goes round the loop, before the first step.

    Returns
    -------
    carried : list
        The same after the last step.
    """
    last = n_steps + n_at_once - 1
    _, carried = _while(body, tf.constant(0), last, n_at_once, carried, None)
    return carried


def _advancing(
    step: Step,
    first_step: tf.Tensor,
    read: Read,
    outputs: Sequence[Output],
    n_states: int,
) -> Body:
    """Make the function that does step ``i``."""
    rows = [_row(output) for output in outputs]

    def advance(i: tf.Tensor, carried: list[Any]) -> list[Any]:
        number = first_step + tf.cast(i, first_step.dtype)
        values, new = step(number, read(i), carried[:n_states])
        arrays = zip(carried[n_states:], rows, values, strict=True)
        return [*new, *(array.write(row(i), value) for array, row, value in arrays)]

    return advance


def _repeated(
    advance: Body,
    start: tf.Tensor,
    stop: tf.Tensor,
    states: Sequence[tf.Tensor],
    arrays: Sequence[tf.TensorArray],
    unroll: int,
    maximum: tf.Tensor | None = None,
) -> tuple[list[tf.Tensor], list[tf.TensorArray]]:
    """Do the steps from ``start`` to ``stop``."""

    def unrolled(i: tf.Tensor, carried: list[Any]) -> list[Any]:
        for offset in range(unroll):
            carried = advance(i + offset, carried)
        return carried

    i, carried = _while(unrolled, start, stop, unroll, [*states, *arrays], maximum)
    if unroll > 1:
        _, carried = _while(advance, i, stop, 1, carried, maximum)
    return carried[: len(states)], carried[len(states) :]


def arrays_of(outputs: Sequence[Output]) -> list[tf.TensorArray]:
    """Make empty buffers."""
    return [
        tf.TensorArray(out.dtype, size=out.length, element_shape=out.shape)
        for out in outputs
    ]


def _row(output: Output) -> Row:
    """Make a function that finds the row of the buffer to which a step writes."""
    if output.rows is None:
        return lambda i: i - output.first
    return output.rows.__getitem__


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
