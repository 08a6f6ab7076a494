"""Holds the values of input Nodes while TensorFlow's loop runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from nengo_dl_core import tuning
from nengo_dl_core.engine.executor import Array
from nengo_dl_core.values.variable_access import assign


class InputBuffer:
    """Holds values of input Nodes, side by side, for up to a fixed number of steps.

    In a large buffer the first step has a variable of its own, so that running a single
    step does not send the whole buffer.

    Parameters
    ----------
    n_steps : int
        Number of steps that it has room for.
    minibatch_size : int
        Number of items in a minibatch.
    sizes : list of int
        Number of values of each Node.
    dtype : str
        Type of the values.
    """

    def __init__(
        self, n_steps: int, minibatch_size: int, sizes: Sequence[int], dtype: str
    ) -> None:
        self._sizes = sizes
        zeros = np.zeros((n_steps, minibatch_size, sum(sizes)), dtype)
        self._all = tf.Variable(zeros, trainable=False)
        self._first: tf.Variable | None = None
        if zeros.nbytes > tuning.SMALL_BUFFER_BYTES:
            self._first = tf.Variable(zeros[:1], trainable=False)

    def n_rows(self, n_steps: int) -> int:
        """Say how many rows `fill` takes for a number of steps."""
        alone = self._first is not None and n_steps == 1
        return 1 if alone else int(self._all.shape[0])

    def fill(self, values: Array) -> None:
        """Put in the values of some steps.

        Parameters
        ----------
        values : ndarray
            Values, ``(n_rows, minibatch_size, size)``, which nobody else may write to
            from now on.
        """
        if self._first is not None:
            assign(self._first, values[:1], copy=False)
        if len(values) == self._all.shape[0]:
            assign(self._all, values, copy=False)

    def read(self) -> list[Rows]:
        """Read the values within a trace.

        Returns
        -------
        sources : list of Rows
            For each Node what gives its value in a step.
        """
        if not self._sizes:
            return []
        every = tf.split(tf.convert_to_tensor(self._all), self._sizes, axis=2)
        if self._first is None:
            return [Rows(None, rest) for rest in every]
        firsts = tf.split(tf.convert_to_tensor(self._first), self._sizes, axis=2)
        return [Rows(*pair) for pair in zip(firsts, every, strict=True)]


class Rows:
    """The values of a Node, a row a step.

    Parameters
    ----------
    first : tf.Tensor or None
        Value of the first step, ``(1, minibatch_size, size)``, if it has a place of its
        own.
    every : tf.Tensor
        Values of all steps, ``(n_steps, minibatch_size, size)``.
    """

    def __init__(self, first: tf.Tensor | None, every: tf.Tensor) -> None:
        self._first = first
        self._every = every

    def __getitem__(self, index: tf.Tensor) -> tf.Tensor:
        """Return the value of a step, ``(minibatch_size, size)``."""
        row = self._every[index]
        return row if self._first is None else tf.where(index == 0, self._first[0], row)

    def several(self, start: tf.Tensor, n_steps: int) -> tf.Tensor:
        """Return the values of some steps, ``(n_steps, minibatch_size, size)``.

        Parameters
        ----------
        start : tf.Tensor
            The first of them.
        n_steps : int
            How many there are.
        """
        rows = tf.slice(self._every, [start, 0, 0], [n_steps, *self._every.shape[1:]])
        if self._first is None:
            return rows
        is_first = tf.reshape(start + tf.range(n_steps) == 0, (-1, 1, 1))
        return tf.where(is_first, self._first, rows)
