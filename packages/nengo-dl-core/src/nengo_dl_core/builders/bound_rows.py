"""Keeps track of which tensor is bound to which rows of a base array."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from operator import itemgetter

import tensorflow as tf

from nengo_dl_core.builders.numerics import constant

Rows = tuple[int, int]


class Readings:
    """The rows of a base array that are going to be read together.

    A tensor of which several such parts are read is divided into all of them by a
    single operation.
    """

    def __init__(self) -> None:
        self._all: set[Rows] = set()
        self._sorted: list[Rows] | None = None

    def add(self, start: int, stop: int) -> None:
        """Add the rows from ``start`` to ``stop``."""
        self._all.add((start, stop))
        self._sorted = None

    def parts(self, start: int, stop: int) -> list[Rows]:
        """Find out how to divide a tensor that is bound to some rows.

        Parameters
        ----------
        start, stop : int
            The first row, and the one after the last.

        Returns
        -------
        parts : list of (int, int)
            The rows of the tensor that are read together, and those between them, from
            0 on. Of parts that overlap it has the one that ends first.
        """
        if self._sorted is None:
            self._sorted = sorted(self._all, key=itemgetter(1))
        bounds = [start]
        for first, last in self._sorted[
            bisect_right(self._sorted, start, key=itemgetter(1)) :
        ]:
            if last > stop:
                break
            if first >= bounds[-1] and (first, last) != (start, stop):
                bounds += [first, last]
        return list(pairwise(bound - start for bound in sorted({*bounds, stop})))


class Bound:
    """A tensor, and parts of it that were read.

    Parameters
    ----------
    value : tf.Tensor
        The tensor.
    """

    def __init__(self, value: tf.Tensor) -> None:
        self.value = value
        # Those of a loop's body are of no use outside of it.
        self._parts: dict[object, dict[Rows, tf.Tensor]] = {}

    def part(
        self, rows: Rows, find_parts: Callable[[], list[Rows]], axis: int
    ) -> tf.Tensor:
        """Cut rows out of the tensor, and with them all that will be read.

        Parameters
        ----------
        rows : (int, int)
            The first row, and the one after the last.
        find_parts : callable
            Says how the tensor is divided, as `Readings` does.
        axis : int
            The axis along which rows are counted.

        Returns
        -------
        part : tf.Tensor
            The rows.
        """
        graph = tf.compat.v1.get_default_graph()
        if graph not in self._parts and rows in (parts := find_parts()):
            sizes = [stop - start for start, stop in parts]
            values = divided(self.value, sizes, axis)
            self._parts[graph] = dict(zip(parts, values, strict=True))
        part = self._parts.get(graph, {}).get(rows)
        return rows_of(self.value, *rows, axis) if part is None else part


class BoundRows:
    """Tensors that together make up a base array, one after the other.

    What is bound or read is found by bisection, so that the time which that takes does
    not grow with the number of tensors.

    Parameters
    ----------
    readings : Readings, optional
        What is going to be read.
    """

    def __init__(self, readings: Readings | None = None) -> None:
        self._readings = readings or Readings()
        # Tensor k has the rows from bound k to bound k + 1.
        self._bounds = [0]
        self._values: list[Bound] = []

    @property
    def n_rows(self) -> int:
        """Number of rows of the array."""
        return self._bounds[-1]

    @property
    def dtype(self) -> tf.DType:
        """Type of the tensors."""
        return self._values[0].value.dtype

    def row_shape(self, axis: int) -> tuple[int, ...]:
        """Shape of a single row.

        Parameters
        ----------
        axis : int
            The axis of the tensors along which rows are counted.

        Returns
        -------
        shape : tuple of int
            What follows that axis.
        """
        return tuple(self._values[0].value.shape[axis + 1 :])

    def copy(self) -> BoundRows:
        """Make an array with the same tensors, which can then be bound to others.

        Returns
        -------
        bound_rows : BoundRows
            The copy.
        """
        other = BoundRows(self._readings)
        other._bounds, other._values = self._bounds.copy(), self._values.copy()
        return other

    def extend(self, value: tf.Tensor, n_rows: int) -> None:
        """Add rows to the end.

        Parameters
        ----------
        value : tf.Tensor
            The tensor that is bound to them.
        n_rows : int
            Number of rows.
        """
        self._bounds.append(self.n_rows + n_rows)
        self._values.append(Bound(value))

    def read(self, start: int, stop: int, axis: int) -> tf.Tensor:
        """Read some rows.

        Parameters
        ----------
        start, stop : int
            The first row, and the one after the last; at least one row.
        axis : int
            The axis of the tensors along which rows are counted.

        Returns
        -------
        value : tf.Tensor
            The tensor that is bound to them; or parts of several, concatenated.
        """
        pieces = []
        for k in range(*self._overlapping(start, stop)):
            first, last = max(start, self._bounds[k]), min(stop, self._bounds[k + 1])
            pieces.append(self._part(k, first, last, axis))
        return concatenated(pieces, axis)

    def bind(self, start: int, stop: int, value: tf.Tensor, axis: int) -> None:
        """Bind a tensor to some rows; what is bound to the others stays.

        Parameters
        ----------
        start, stop : int
            The first row, and the one after the last; at least one row.
        value : tf.Tensor
            The tensor.
        axis : int
            The axis of the tensors along which rows are counted.
        """
        first, last = self._overlapping(start, stop)
        begin, end = self._bounds[first], self._bounds[last]
        bounds, values = [start], [Bound(value)]
        if begin < start:
            bounds.insert(0, begin)
            values.insert(0, Bound(self._part(first, begin, start, axis)))
        if stop < end:
            bounds.append(stop)
            values.append(Bound(self._part(last - 1, stop, end, axis)))
        self._bounds[first:last] = bounds
        self._values[first:last] = values

    def _overlapping(self, start: int, stop: int) -> tuple[int, int]:
        """Find the range of tensors that hold these rows, ``(first, last + 1)``."""
        return bisect_right(self._bounds, start) - 1, bisect_left(self._bounds, stop)

    def _part(self, k: int, start: int, stop: int, axis: int) -> tf.Tensor:
        """Cut these rows out of a tensor; return it as it is if they are all it has."""
        bound, (first, last) = self._values[k], self._bounds[k : k + 2]
        if (start, stop) == (first, last):
            return bound.value
        rows = start - first, stop - first
        return bound.part(rows, lambda: self._readings.parts(first, last), axis)


def divided(value: tf.Tensor, sizes: Sequence[int], axis: int) -> list[tf.Tensor]:
    """Divide a tensor into parts of given numbers of rows.

    Parameters
    ----------
    value : tf.Tensor
        The tensor.
    sizes : list of int
        How many rows each part has; all of them together have all rows.
    axis : int
        The axis along which rows are counted.

    Returns
    -------
    parts : list of tf.Tensor
        The parts; the tensor itself where there is but one.
    """
    if len(sizes) < 2:
        return [value] * len(sizes)
    return list(tf.split(value, constant(sizes), constant(axis), len(sizes)))


def rows_of(value: tf.Tensor, start: int, stop: int, axis: int) -> tf.Tensor:
    """Select rows of a tensor.

    Parameters
    ----------
    value : tf.Tensor
        The tensor.
    start, stop : int
        The first row, and the one after the last.
    axis : int
        The axis along which rows are counted.

    Returns
    -------
    rows : tf.Tensor
        The rows; the tensor itself where these are all of them.
    """
    if start == 0 and stop == value.shape[axis]:
        return value
    # a single operation, where the indexing of TensorFlow needs four
    begin, size = [0] * value.shape.rank, [-1] * value.shape.rank
    begin[axis], size[axis] = start, stop - start
    return tf.slice(value, constant(begin), constant(size))


def concatenated(pieces: Sequence[tf.Tensor], axis: int) -> tf.Tensor:
    """Concatenate tensors; a single one is left as it is.

    Parameters
    ----------
    pieces : list of tf.Tensor
        At least one.
    axis : int
        The axis along which they are concatenated. Along the second, what all items of
        a minibatch have in common is repeated for each.

    Returns
    -------
    whole : tf.Tensor
        The pieces, one after the other.
    """
    if len(pieces) == 1:
        return pieces[0]
    if axis == 1:
        n_items = max(piece.shape[0] for piece in pieces)
        pieces = [repeated(piece, n_items) for piece in pieces]
    return tf.concat(pieces, constant(axis))


def repeated(value: tf.Tensor, n_items: int) -> tf.Tensor:
    """Repeat what all items of a minibatch have in common.

    Parameters
    ----------
    value : tf.Tensor
        Value of all items, or a common one, ``(1, ...)``.
    n_items : int
        Number of items.

    Returns
    -------
    value : tf.Tensor
        Value of all items, ``(n_items, ...)``.
    """
    if value.shape[0] == n_items:
        return value
    return tf.broadcast_to(value, constant((n_items, *value.shape[1:])))
