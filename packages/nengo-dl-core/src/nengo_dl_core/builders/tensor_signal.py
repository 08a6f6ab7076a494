"""A tensor described as rows of a base array."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Slices = tuple[tuple[int, int], ...]


def _joined(slices: Iterable[tuple[int, int]]) -> Slices:
    """Join neighbouring slices, so that a contiguous view has a single one."""
    joined: list[tuple[int, int]] = []
    for start, stop in slices:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], stop)
        elif stop > start:
            joined.append((start, stop))
    return tuple(joined)


def slices_of(rows: npt.NDArray[np.int64]) -> Slices:
    """Return rows of a base array as slices.

    Parameters
    ----------
    rows : (n_rows,) array of int
        The rows, in any order.

    Returns
    -------
    slices : tuple of (int, int)
        Start and stop of each run of rows that follow on each other.
    """
    runs = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)
    return tuple((int(run[0]), int(run[-1]) + 1) for run in runs if len(run))


class TensorSignal:
    """A tensor described as rows of a base array.

    Parameters
    ----------
    slices : tuple of (int, int)
        Start and stop rows in the base array, in the order in which the signal has
        them.
    key : hashable
        Names the base array.
    dtype : str
        Type of the values.
    shape : tuple of int
        Shape of the signal, without minibatch axis. It may be a reshape of the rows.
    minibatch_size : int or None
        Length of the leading minibatch axis; None if the signal has no such axis.
    label : str
        Name shown in messages.
    """

    def __init__(
        self,
        slices: Iterable[tuple[int, int]],
        key: Hashable,
        dtype: str,
        shape: tuple[int, ...],
        minibatch_size: int | None,
        label: str = "TensorSignal",
    ) -> None:
        self._slices = _joined((int(start), int(stop)) for start, stop in slices)
        self.key = key
        self.dtype = dtype
        self.shape = tuple(shape)
        self.minibatch_size = minibatch_size
        self.label = label

    def __repr__(self) -> str:
        return f"TensorSignal(key={self.key}, shape={self.shape}, label={self.label})"

    @property
    def slices(self) -> Slices:
        """Start and stop rows in the base array, neighbours joined."""
        return self._slices

    @property
    def ndim(self) -> int:
        """Rank of the signal, without minibatch axis."""
        return len(self.shape)

    @property
    def minibatched(self) -> bool:
        """Whether the signal has a minibatch axis."""
        return self.minibatch_size is not None

    @property
    def full_shape(self) -> tuple[int, ...]:
        """Shape of the signal, the minibatch axis included."""
        batch = () if self.minibatch_size is None else (self.minibatch_size,)
        return batch + self.shape

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Rows of the base array, in the signal's order, with shape ``(n_rows,)``."""
        if not self._slices:
            return np.zeros(0, np.int64)
        return np.concatenate([np.arange(*bounds) for bounds in self._slices])

    @property
    def n_rows(self) -> int:
        """Number of rows of the base array that the signal covers."""
        return sum(stop - start for start, stop in self._slices)

    def __getitem__(self, indices: slice | Sequence[int]) -> TensorSignal:
        """Select items along the first axis.

        Parameters
        ----------
        indices : slice or list of int
            The wanted items.

        Returns
        -------
        sig : TensorSignal
            A view of the same base array.

        Raises
        ------
        IndexError
            If an item does not exist.
        ValueError
            If the items of the first axis are not made of whole rows.
        """
        if isinstance(indices, slice) and indices == slice(None):
            return self
        n_items = self.shape[0] if self.shape else 1
        if n_items == 0 or self.n_rows % n_items:
            raise ValueError(f"{self} cannot be indexed: its items are not whole rows")
        rows = self.rows.reshape((n_items, -1))[indices]
        return type(self)(
            slices_of(rows.reshape(-1)),
            self.key,
            self.dtype,
            (rows.shape[0], *self.shape[1:]),
            self.minibatch_size,
            f"{self.label}[{indices}]",
        )

    def reshape(self, shape: Sequence[int]) -> TensorSignal:
        """View the same values with another shape.

        Parameters
        ----------
        shape : tuple of int
            The new shape, without minibatch axis; one entry may be -1.

        Returns
        -------
        sig : TensorSignal
            A view of the same rows.

        Raises
        ------
        ValueError
            If the number of elements differs.
        """
        new = np.broadcast_to(np.empty(()), self.shape).reshape(tuple(shape)).shape
        return type(self)(
            self._slices, self.key, self.dtype, new, self.minibatch_size, self.label
        )

    def for_items(self, n_items: int) -> TensorSignal:
        """View the rows of another number of items.

        Parameters
        ----------
        n_items : int
            Number of items; a signal without a minibatch axis has none all the same.

        Returns
        -------
        sig : TensorSignal
            A view of the same rows.
        """
        n_items_or_none = n_items if self.minibatched else None
        return type(self)(
            self._slices, self.key, self.dtype, self.shape, n_items_or_none, self.label
        )

    @property
    def tf_indices(self) -> tf.Tensor:
        """Rows in the base array, a tensor of shape ``(n_rows,)``."""
        return tf.constant(self.rows, tf.int32)

    @property
    def tf_indices_nd(self) -> tf.Tensor:
        """Positions for ``tf.gather_nd``/``tf.scatter_nd`` on the base array.

        The shape is ``(n_rows, 1)``, or ``(minibatch_size, n_rows, 2)`` for a signal
        with a minibatch axis, which is the leading one of the base array.
        """
        rows = self.rows
        if self.minibatch_size is None:
            return tf.constant(rows[:, None], tf.int32)
        grid = np.meshgrid(np.arange(self.minibatch_size), rows, indexing="ij")
        return tf.constant(np.stack(grid, axis=-1), tf.int32)
