"""Build of `nengo.builder.operator.SparseDotInc` and `SparseDotSet`.

XLA has no product of sparse matrices on the CPU, so that it is made of what there is.
Where the rows of a matrix have about as many entries each, they are filled up to equal
length, and the product is a sum along an axis. Else, and on a GPU, the entries are
added up row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.builder.operator import Operator, SparseDotInc

from nengo_dl_core import tuning
from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_optimizer import SparseDotSet, sparse_entries


def sparse_matmul(
    A_indices: tf.Tensor,
    A_data: tf.Tensor,
    A_shape: tuple[int, int],
    X: tf.Tensor,
    transpose_x: bool = False,
) -> tf.Tensor:
    """Multiply a sparse matrix by a dense one.

    Parameters
    ----------
    A_indices : tf.Tensor
        Row and column of each entry of ``A``, of shape ``(n_entries, 2)``. A position
        may come up more than once; its value is the sum of its entries.
    A_data : tf.Tensor
        The entries, of shape ``(n_entries,)``.
    A_shape : tuple of int
        Shape of ``A``, ``(n_rows, n_columns)``.
    X : tf.Tensor
        The dense matrix, of shape ``(n_columns, n)``.
    transpose_x : bool
        Whether ``X`` is given transposed, ``(n, n_columns)``.

    Returns
    -------
    dot : tf.Tensor
        The product, of shape ``(n_rows, n)``.

    Examples
    --------
    >>> import tensorflow as tf
    >>> from nengo_dl_core.builders.sparse import sparse_matmul
    >>> sparse_matmul([[0, 1], [2, 0]], [2.0, 3.0], (3, 2), tf.eye(2)).numpy()
    array([[0., 2.],
           [0., 0.],
           [3., 0.]], dtype=float32)
    """
    indices = tf.convert_to_tensor(A_indices)
    columns = tf.transpose(X) if transpose_x else X
    products = tf.gather(columns, indices[:, 1]) * tf.expand_dims(A_data, 1)
    return tf.math.unsorted_segment_sum(products, indices[:, 0], A_shape[0])


@Builder.register(SparseDotInc)
@Builder.register(SparseDotSet)
class SparseDotIncBuilder(OpBuilder):
    """Compute ``Y += A @ X``, or ``Y = A @ X``, with sparse matrices.

    The matrices of a group are the blocks on the diagonal of a single one.

    Parameters
    ----------
    ops : tuple of nengo.builder.operator.SparseDotInc
        The operators of the group.
    """

    takes_parameters_of_items = False

    def steps_are_items(self, config: BuildConfig) -> bool:
        """Steps are items; see `OpBuilder.steps_are_items`."""
        return True

    def is_linear(self, config: BuildConfig) -> bool:
        """Products are linear; see `OpBuilder.is_linear`."""
        return True

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Arrange the matrices' entries; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.dst = signals.combine([op.Y for op in self.ops])
        self.x = signals.combine([op.X for op in self.ops]).reshape((-1,))
        indices, shape = _diagonal_blocks(self.ops)
        data = signals.gather(signals.combine([op.A for op in self.ops]))
        counts = np.bincount(indices[:, 0], minlength=shape[0])
        n_filled = shape[0] * counts.max(initial=0)
        self._product: Callable[[tf.Tensor], tf.Tensor]
        if config.cpu_only and n_filled <= tuning.MAX_FILL * len(indices):
            self._product = _FilledRows(indices, data, counts)
        else:
            self._product = lambda x: sparse_matmul(indices, data, shape, x)

    def build_step(self, signals: SignalDict) -> None:
        """Multiply; see `OpBuilder.build_step`."""
        x = tf.reshape(signals.gather(self.x), (-1, *self.x.shape))
        product = tf.transpose(self._product(tf.transpose(x)))
        signals.scatter(self.dst, product, mode=self.mode)

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Products always merge, to a larger one; see `OpBuilder.mergeable`."""
        return True


def _diagonal_blocks(
    ops: Sequence[SparseDotInc],
) -> tuple[npt.NDArray[np.int64], tuple[int, int]]:
    """Positions, ``(n_entries, 2)``, and shape of all operators' matrices as one."""
    indices = [np.zeros((0, 2), np.int64)]
    corner = np.zeros(2, np.int64)
    for op in ops:
        indices.append(sparse_entries(op.A)[0] + corner)
        corner += op.A.shape
    return np.concatenate(indices), (int(corner[0]), int(corner[1]))


class _FilledRows:
    """A sparse matrix whose rows are filled up, with zeros, to equal length.

    Parameters
    ----------
    indices : ndarray
        Row and column of each entry, of shape ``(n_entries, 2)``.
    data : tf.Tensor
        The entries, of shape ``(n_entries,)``.
    counts : ndarray
        Number of entries of each row, of shape ``(n_rows,)``.
    """

    def __init__(
        self,
        indices: npt.NDArray[np.int64],
        data: tf.Tensor,
        counts: npt.NDArray[np.int64],
    ) -> None:
        by_row = np.argsort(indices[:, 0], kind="stable")
        filled = np.arange(counts.max(initial=0)) < counts[:, None]
        columns = np.zeros(filled.shape, np.int64)
        columns[filled] = indices[by_row, 1]
        entries = np.full(filled.shape, len(indices))
        entries[filled] = by_row
        self.columns = columns
        self.weights = tf.gather(tf.concat([data, tf.zeros(1, data.dtype)], 0), entries)

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Multiply with a dense matrix of shape ``(n_columns, n)``."""
        return tf.reduce_sum(
            tf.gather(x, self.columns) * self.weights[..., None], axis=1
        )
