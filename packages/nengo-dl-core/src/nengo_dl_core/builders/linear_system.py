"""Linear systems of which all inputs are known, computed in blocks of steps.

Within a block, inputs and the state before it give outputs and the state after it by
products. From block to block the state is that of a linear system again, whose inputs
are what the blocks contribute, and whose steps are blocks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from nengo_dl_core import tuning

Matrix = npt.NDArray[np.float64]


class LinearSystem(NamedTuple):
    """A system ``x' = A x + B u`` with the output ``y = C x + D u``.

    Attributes
    ----------
    A, B, C, D : ndarray
        Matrices ``(order, order)``, ``(order, n_in)``, ``(n_out, order)`` and
        ``(n_out, n_in)``.
    """

    A: Matrix
    B: Matrix
    C: Matrix
    D: Matrix

    def respond(
        self, inputs: tf.Tensor, state: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute the outputs of all steps, and the state after them.

        The result is that of one step after the other, up to rounding. But an input
        that is not finite also spoils the outputs of earlier steps in its block.

        Parameters
        ----------
        inputs : tf.Tensor
            Inputs of systems that are alike, ``(n_steps, n_in, n_systems)``.
        state : tf.Tensor
            Their state before the first step, ``(order, n_systems)``.

        Returns
        -------
        outputs : tf.Tensor
            ``(n_steps, n_out, n_systems)``.
        state : tf.Tensor
            The state after the last step, ``(order, n_systems)``.
        """
        n_steps, n_in, n_systems = inputs.shape
        length = _length_of_blocks(n_steps, n_in)
        n_blocks, rest = divmod(n_steps, length)
        blocks = tf.reshape(
            inputs[: n_steps - rest], (n_blocks, length * n_in, n_systems)
        )
        from_inputs, from_state, to_state, kept = self._of_block(length)
        before, state = _states(kept, _multiply(to_state, blocks), state)
        outputs = _multiply(from_inputs, blocks) + _multiply(from_state, before)
        outputs = tf.reshape(outputs, (n_steps - rest, len(self.C), n_systems))
        if rest:
            last, state = self.respond(inputs[n_steps - rest :], state)
            outputs = tf.concat([outputs, last], 0)
        return outputs, state

    def _of_block(self, length: int) -> tuple[Matrix, Matrix, Matrix, Matrix]:
        """Find the matrices of a block of steps.

        Returns
        -------
        from_inputs : ndarray
            What inputs contribute to outputs, ``(length * n_out, length * n_in)``.
        from_state : ndarray
            What the state before contributes to them, ``(length * n_out, order)``.
        to_state : ndarray
            What inputs contribute to the state after, ``(order, length * n_in)``.
        kept : ndarray
            What the state before contributes to it, ``(order, order)``.
        """
        A, B, C, D = self
        powers = [np.eye(len(A))]
        for _ in range(length):
            powers.append(A @ powers[-1])
        responses = [D, *(C @ power @ B for power in powers[: length - 1])]
        nothing = np.zeros_like(D)
        from_inputs = [
            [responses[i - j] if i >= j else nothing for j in range(length)]
            for i in range(length)
        ]
        return (
            np.block(from_inputs),
            np.concatenate([C @ power for power in powers[:length]]),
            np.concatenate([power @ B for power in powers[length - 1 :: -1]], 1),
            powers[length],
        )


def _states(
    A: Matrix, added: tf.Tensor, state: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Compute the state before each step, and the one after the last."""
    if added.shape[0] == 1:
        return state[tf.newaxis], _multiply(A, state) + added[0]
    same = np.eye(len(A))
    return LinearSystem(A, same, same, 0 * same).respond(added, state)


def _length_of_blocks(n_steps: int, n_in: int) -> int:
    """Choose the number of steps in a block, so that nothing is left if possible."""
    most = min(max(tuning.STEPS_IN_BLOCK // n_in, 2), n_steps)
    lengths = range(most, most // 2, -1)
    return next((n for n in lengths if n_steps % n == 0), most)


def _multiply(matrix: Matrix, x: tf.Tensor) -> tf.Tensor:
    """Multiply a matrix by others, ``(..., n_columns, n_systems)``."""
    return tf.matmul(tf.constant(matrix, x.dtype), x)
