"""A linear recurrence of which all inputs are known, computed by its powers.

Within a block of steps inputs, and the state before it, give all outputs by one product
with powers of the matrices. The states before the blocks are found by pairs: two blocks
are one step of a recurrence with squared matrices, which has half as many of them.
Matrices are tensors here, so that they may be trained, and items are rows.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import tensorflow as tf

from nengo_dl_core import tuning


class Sizes(NamedTuple):
    """How many numbers a recurrence has for each item, and how often it is computed.

    Attributes
    ----------
    n_states, n_inputs, n_outputs : int
        Sizes of its vectors.
    n_steps, n_items : int
        Numbers of steps, and of items in a minibatch.
    """

    n_states: int
    n_inputs: int
    n_outputs: int
    n_steps: int
    n_items: int

    @property
    def block_length(self) -> int:
        """The number of steps in a block that takes the fewest multiplications.

        For ``length`` steps there are ``length * n_states**2 * n_outputs`` for the
        powers; and for each step of each item ``length * n_inputs * n_outputs`` within
        its block, and ``2 * n_states**2 / length`` for its share of the state before.
        But short sums take no longer than shorter ones, and nothing is left after the
        last block, if possible.
        """
        n_states, n_inputs, n_outputs, n_steps, n_items = self
        shared = n_steps * n_items
        growing = n_outputs * (n_states**2 + shared * n_inputs)
        best = sqrt(2 * shared * n_states**2 / max(growing, 1))
        short = (tuning.SHORT_SUM - n_states) // max(n_inputs, 1)
        most = min(max(round(best), short, 1), tuning.STEPS_IN_BLOCK, n_steps)
        lengths = range(most, most // 2, -1)
        return next((x for x in lengths if n_steps % x == 0), most)

    @property
    def n_multiplications(self) -> int:
        """About how many multiplications it takes to compute all steps.

        To find the matrices takes as many as a square; there is one for each round that
        the states before blocks are found in.
        """
        n_states, n_inputs, n_outputs, n_steps, n_items = self
        length = self.block_length
        of_item = (length * n_inputs + n_states) * n_outputs + n_inputs * n_states
        of_item += 2 * n_states**2 // length
        n_squares = (n_steps // length).bit_length() + 1
        of_matrices = n_squares * n_states**3 + length * n_states**2 * n_outputs
        return n_steps * n_items * of_item + of_matrices


class Recurrence(NamedTuple):
    """A recurrence ``x' = x A + u B`` with the output ``y = x C + u D``.

    Attributes
    ----------
    A, B, C, D : tf.Tensor
        Matrices ``(n_states, n_states)``, ``(n_inputs, n_states)``,
        ``(n_states, n_outputs)`` and ``(n_inputs, n_outputs)``.
    """

    A: tf.Tensor
    B: tf.Tensor
    C: tf.Tensor
    D: tf.Tensor

    def respond(
        self, inputs: tf.Tensor, state: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute the outputs of all steps, and the state after them.

        The result is that of one step after the other, up to rounding. But an input
        that is not finite also spoils the outputs of earlier steps in its block, and
        so do powers of `A` that are not finite, even those of nothing.

        Parameters
        ----------
        inputs : tf.Tensor
            Inputs ``(n_steps, n_items, n_inputs)``.
        state : tf.Tensor
            The state before the first step, ``(n_items, n_states)``.

        Returns
        -------
        outputs : tf.Tensor
            ``(n_steps, n_items, n_outputs)``.
        state : tf.Tensor
            The state after the last step, ``(n_items, n_states)``.
        """
        n_steps, n_items, n_inputs = inputs.shape
        n_states, n_outputs = self.C.shape
        sizes = Sizes(n_states, n_inputs, n_outputs, n_steps, n_items)
        length = sizes.block_length
        n_blocks, rest = divmod(n_steps, length)
        shape = (n_blocks, length, n_items, n_inputs)
        blocks = tf.reshape(inputs[: n_steps - rest], shape)
        rows = n_blocks * n_items, length * n_inputs
        blocks = tf.reshape(tf.transpose(blocks, (0, 2, 1, 3)), rows)
        from_inputs, from_state, to_state, kept = self._of_block(length)
        added = tf.reshape(blocks @ to_state, (n_blocks, n_items, n_states))
        before, state = _states(kept, added, state)
        both = tf.concat([blocks, tf.reshape(before, (-1, n_states))], 1)
        outputs = both @ tf.concat([from_inputs, from_state], 0)
        outputs = tf.reshape(outputs, (n_blocks, n_items, length, n_outputs))
        outputs = tf.reshape(
            tf.transpose(outputs, (0, 2, 1, 3)), (n_steps - rest, n_items, n_outputs)
        )
        if rest:
            last, state = self.respond(inputs[n_steps - rest :], state)
            outputs = tf.concat([outputs, last], 0)
        return outputs, state

    def _of_block(
        self, length: int
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Find the matrices of a block of steps.

        Returns
        -------
        from_inputs : tf.Tensor
            What inputs give to outputs, ``(length * n_inputs, length * n_outputs)``.
        from_state : tf.Tensor
            What the state before gives to them, ``(n_states, length * n_outputs)``.
        to_state : tf.Tensor
            What inputs give to the state after, ``(length * n_inputs, n_states)``.
        kept : tf.Tensor
            What the state before gives to it, ``(n_states, n_states)``.
        """
        n_states, n_outputs = self.C.shape
        n_inputs = self.B.shape[0]
        steps = range(length)
        # of an input so many steps earlier; the table doubles with each square
        power, later, seen = self.A, self.B[tf.newaxis], self.C[tf.newaxis]
        kept = tf.eye(n_states, dtype=self.A.dtype)
        left = length
        while left:
            if left % 2:
                kept = kept @ power
            left //= 2
            if later.shape[0] < length:
                later = tf.concat([later, later @ power], 0)
                seen = tf.concat([seen, power @ seen], 0)
            if left:
                power = power @ power
        later, seen = later[:length], seen[:length]
        responses = tf.concat(
            [
                self.D[tf.newaxis],
                later[:-1] @ self.C,
                tf.zeros((1, n_inputs, n_outputs), self.D.dtype),
            ],
            0,
        )
        distances = [[i - j if i >= j else length for i in steps] for j in steps]
        from_inputs = tf.transpose(tf.gather(responses, distances), (0, 2, 1, 3))
        return (
            tf.reshape(from_inputs, (length * n_inputs, length * n_outputs)),
            tf.reshape(tf.transpose(seen, (1, 0, 2)), (n_states, length * n_outputs)),
            tf.reshape(later[::-1], (length * n_inputs, n_states)),
            kept,
        )


def _states(
    A: tf.Tensor, added: tf.Tensor, state: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Compute the state before each step, and the one after the last.

    Parameters
    ----------
    A : tf.Tensor
        What a step does to the state.
    added : tf.Tensor
        What it adds to it, ``(n_steps, n_items, n_states)``.
    state : tf.Tensor
        The state before the first step.
    """
    n_steps, n_items, n_states = added.shape
    if n_steps == 1:
        return state[tf.newaxis], state @ A + added[0]
    n_pairs = n_steps // 2
    first, second = added[: 2 * n_pairs : 2], added[1::2]
    before, state = _states(A @ A, _times(first, A) + second, state)
    both = tf.stack([before, _times(before, A) + first], 1)
    before = tf.reshape(both, (2 * n_pairs, n_items, n_states))
    if n_steps % 2:
        before = tf.concat([before, state[tf.newaxis]], 0)
        state = state @ A + added[-1]
    return before, state


def _times(x: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """Multiply rows of any number of axes by a matrix, in one product."""
    return tf.reshape(tf.reshape(x, (-1, x.shape[-1])) @ matrix, x.shape)
