"""The Legendre memory unit as a cell of a Keras RNN."""

from __future__ import annotations

from typing import Any

import keras
import numpy.typing as npt
from keras import ops


class LMUCell(keras.layers.Layer):
    """Legendre memory unit.

    With input ``x``, hidden state ``h``, memory ``m`` and trained weights ``e`` and
    ``W`` (Voelker, Kajić and Eliasmith, 2019, equations 6 and 7)::

        u = e_x x + e_h h + e_m m
        m = A m + B u
        h = tanh(W_x x + W_h h + W_m m)

    Parameters
    ----------
    A : (order, order) array
        How the memory goes on by itself.
    B : (order, 1) array
        How the memory takes its input.
    units : int
        Number of hidden units.
    **kwargs
        Passed on to `keras.layers.Layer`.
    """

    def __init__(
        self, A: npt.NDArray[Any], B: npt.NDArray[Any], units: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.A = A
        self.B = B
        self.units = units
        self.state_size = [units, len(A)]
        self.output_size = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of the input, ``(batch_size, input_d)``.
        """
        sizes = {"x": input_shape[-1], "h": self.units, "m": len(self.A)}
        self.encoders = [
            self.add_weight(name=f"e_{name}", shape=(size, 1))
            for name, size in sizes.items()
        ]
        self.kernels = [
            self.add_weight(name=f"W_{name}", shape=(size, self.units))
            for name, size in sizes.items()
        ]

    def call(self, x: Any, states: list[Any], **_: Any) -> tuple[Any, list[Any]]:
        """Take one element of the sequence.

        Parameters
        ----------
        x : tensor
            The element, ``(batch_size, input_d)``.
        states : list of tensor
            Hidden state and memory after the element before.

        Returns
        -------
        h : tensor
            Hidden state, ``(batch_size, units)``.
        states : list of tensor
            Hidden state and memory.
        """
        h, m = states
        A = ops.cast(self.A.T, self.compute_dtype)
        B = ops.cast(self.B.T, self.compute_dtype)
        e_x, e_h, e_m = self.encoders
        u = ops.matmul(x, e_x) + ops.matmul(h, e_h) + ops.matmul(m, e_m)
        m = ops.matmul(m, A) + ops.matmul(u, B)
        W_x, W_h, W_m = self.kernels
        h = ops.tanh(ops.matmul(x, W_x) + ops.matmul(h, W_h) + ops.matmul(m, W_m))
        return h, [h, m]
