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


class Output(NamedTuple):
    """A buffer for what steps put out.

    Attributes
    ----------
    length : int or tf.Tensor
        Number of rows.
    shape : tuple of int
        Shape of a row.
    dtype : str
        Type of the values.
    rows : tf.Tensor or None
        The row in which each step is written, ``(n_steps,)``; None for its own.
    """

    length: int | tf.Tensor
    shape: tuple[int, ...]
    dtype: str
    rows: tf.Tensor | None


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
    """Repeat a step.

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
    arrays = [
        tf.TensorArray(out.dtype, size=out.length, element_shape=out.shape)
        for out in outputs
    ]
    n_states = len(states)

    def advance(i: tf.Tensor, carried: list[Any]) -> list[Any]:
        values, new = step(
            first_step + tf.cast(i, first_step.dtype),
            [source[i] for source in inputs],
            carried[:n_states],
        )
        written = [
            array.write(i if out.rows is None else out.rows[i], value)
            for array, out, value in zip(
                carried[n_states:], outputs, values, strict=True
            )
        ]
        return [*new, *written]

    def loop(i: tf.Tensor, carried: list[Any], per_round: int) -> list[Any]:
        def body(i: tf.Tensor, *carried: Any) -> list[Any]:
            values = list(carried)
            for offset in range(per_round):
                values = advance(i + offset, values)
            return [i + per_round, *values]

        return list(
            tf.while_loop(
                lambda i, *_: i <= n_steps - per_round,
                body,
                [i, *carried],
                parallel_iterations=1,
                maximum_iterations=None if maximum is None else maximum // per_round,
            )
        )

    carried = [*states, *arrays]
    if use_loop:
        i, *carried = loop(tf.constant(0), carried, unroll)
        if unroll > 1:
            _, *carried = loop(i, carried, 1)
    else:
        for index in range(unroll):
            carried = advance(tf.constant(index), carried)
    return [array.stack() for array in carried[n_states:]], carried[:n_states]
