"""Elements of a tensor in another order, with zeros among them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Index = npt.NDArray[np.int64]

# How many times as many elements the gradient may take as are taken, or there are.
_MAX_GROWTH = 4


def taken(values: tf.Tensor, index: Index) -> tf.Tensor:
    """Take elements along the last axis, by indices that are known.

    Parameters
    ----------
    values : tf.Tensor
        The elements, ``(..., n_elements)``.
    index : array of int
        Which of them are taken; -1 stands for a zero.

    Returns
    -------
    taken : tf.Tensor
        The elements, ``(..., *index.shape)``.
    """
    n_elements = values.shape[-1]
    if (index < 0).any():
        margin = [(0, 0)] * (values.shape.rank - 1) + [(0, 1)]
        values = tf.pad(values, margin)
    where = np.where(index < 0, n_elements, index)
    return tf.gather(values, tf.constant(where, tf.int32), axis=-1)


def taken_back(values: tf.Tensor, index: Index) -> tf.Tensor:
    """Take elements as `taken` does, with a gradient that is as fast.

    TensorFlow's gradient of a ``tf.gather`` adds up elements one by one. Here it takes
    elements itself: what has become of each element is known as well. It stays
    TensorFlow's where one element among many is taken far more often than others.
    TensorFlow keeps such a gradient for as long as its graph, so it is for training
    alone.
    """
    n_elements = values.shape[-1]
    most = np.bincount(index[index >= 0], minlength=1).max()
    if most * n_elements > _MAX_GROWTH * max(index.size, n_elements):
        return taken(values, index)

    @tf.custom_gradient
    def take(values: tf.Tensor) -> tuple[tf.Tensor, Any]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            leading = upstream.shape[: upstream.shape.rank - index.ndim]
            flat = tf.reshape(upstream, (*_known(leading), index.size))
            uses = taken_back(flat, _uses(index, n_elements))
            return tf.reduce_sum(uses, -1) if uses.shape[-1] > 1 else uses[..., 0]

        return taken(values, index), gradient

    return take(values)


def _known(shape: tf.TensorShape) -> list[int]:
    """Return a shape of which at most one axis is unknown, for `tf.reshape`."""
    return [-1 if size is None else size for size in shape]


def _uses(index: Index, n_elements: int) -> Index:
    """Return where each element has been taken to, ``(n_elements, n_uses)``.

    Elements that were taken less often than others have -1 there.
    """
    positions = np.flatnonzero(index.ravel() >= 0)
    elements = index.ravel()[positions]
    order = np.argsort(elements, kind="stable")
    counts = np.bincount(elements, minlength=n_elements)
    uses = np.full((n_elements, max(counts.max(), 1)), -1)
    firsts = np.repeat(np.cumsum(counts) - counts, counts)
    numbers = np.arange(len(positions)) - firsts
    uses[elements[order], numbers] = positions[order]
    return uses
