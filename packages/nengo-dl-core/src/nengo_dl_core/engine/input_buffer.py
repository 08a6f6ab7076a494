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

    def fill(self, values: Array) -> None:
        """Put in the values of some steps.

        Parameters
        ----------
        values : ndarray
            Values, ``(n_steps, minibatch_size, size)``, of one step or more, which
            nobody else may write to from now on.
        """
        if self._first is not None:
            assign(self._first, values[:1], copy=False)
            if len(values) == 1:
                return
        room = self._all.shape[0]
        if len(values) < room:
            padded = np.zeros((room, *values.shape[1:]), values.dtype)
            padded[: len(values)] = values
            values = padded
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
