"""Signals in TensorFlow."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import tensorflow as tf

from nengo_dl_core.builders import signals, tensor_signal

__all__ = [
    "SignalDict",
    "TensorSignal",
]


class TensorSignal(tensor_signal.TensorSignal):
    """A tensor described as rows of a base array.

    Parameters
    ----------
    slices, key, dtype, shape, minibatch_size, label
        As `nengo_dl_core.builders.tensor_signal.TensorSignal` has them.
    """

    @property
    def tf_shape(self) -> tf.Tensor:
        """The full shape as a tensor of shape ``(len(full_shape),)``."""
        return tf.constant(self.full_shape, tf.int32)

    @property
    def tf_slice(self) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor] | None:
        """``(start, stop, stride)`` along the row axis; None if it is not regular."""
        rows = self.rows
        steps = np.unique(np.diff(rows))
        if len(rows) == 0 or len(steps) > 1 or (len(steps) == 1 and steps[0] <= 0):
            return None
        stride = int(steps[0]) if len(steps) else 1
        bounds = (int(rows[0]), int(rows[-1]) + 1, stride)
        start, stop, step = (tf.constant([bound], tf.int32) for bound in bounds)
        return start, stop, step


class SignalDict(signals.SignalDict):
    """Maps Nengo signals to rows of base arrays, and those rows to tensors.

    Parameters
    ----------
    dtype : str
        Floating point type of the simulation, for example ``"float32"``.
    minibatch_size : int
        Number of items in a minibatch.
    """

    view_type: ClassVar[type[tensor_signal.TensorSignal]] = TensorSignal

    def gather(
        self, src: tensor_signal.TensorSignal, force_copy: bool = False
    ) -> tf.Tensor:
        """Read the value that is bound to the rows of a signal.

        Parameters
        ----------
        src : TensorSignal
            The rows to be read.
        force_copy : bool
            Give a tensor of its own also where a single one is bound to just these
            rows.

        Returns
        -------
        gathered : tf.Tensor
            The value, of shape ``src.full_shape``.
        """
        value = super().gather(src)
        return tf.identity(value) if force_copy else value
