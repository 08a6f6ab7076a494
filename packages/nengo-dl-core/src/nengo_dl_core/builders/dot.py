"""Build of `nengo.builder.operator.DotInc` and `DotSet`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import tensorflow as tf
from nengo.builder.operator import DotInc, Operator

from nengo_dl_core import tuning
from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.bfloat16 import bfloat16_matmul
from nengo_dl_core.builders.bound_rows import concatenated
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.numerics import rounded_product, stored
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_optimizer import DotSet


@Builder.register(DotInc)
@Builder.register(DotSet)
class DotIncBuilder(OpBuilder):
    """Compute ``Y += A @ X``, or ``Y = A @ X``: one batched product for the group.

    Parameters
    ----------
    ops : tuple of nengo.builder.operator.DotInc
        Operators whose matrices have the same shape.
    """

    def steps_are_items(self, config: BuildConfig) -> bool:
        """Steps are items; see `OpBuilder.steps_are_items`."""
        return True

    def is_linear(self, config: BuildConfig) -> bool:
        """Products are, but for what bfloat16 rounds; see `OpBuilder.is_linear`."""
        return config.product_dtype is None

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Stack the matrices; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.dst = signals.combine([op.Y for op in self.ops])
        parts = [[[op] for op in self.ops]]
        if config.cpu_only:
            parts = _by_vectors(self.ops, signals) or parts
        self.products = [_Product(runs, signals, config) for runs in parts]

    def build_step(self, signals: SignalDict) -> None:
        """Multiply; see `OpBuilder.build_step`."""
        values = [product(signals) for product in self.products]
        signals.scatter(self.dst, concatenated(values, -1), mode=self.mode)

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Products of equal shapes merge; see `OpBuilder.mergeable`."""
        return bool(x.A.shape == y.A.shape and x.X.shape == y.X.shape)


def _by_vectors(
    ops: Sequence[Operator], signals: SignalDict
) -> list[list[list[Operator]]] | None:
    """Divide products by their vectors, so that each vector is read only once.

    The result is a list of parts; a part is a list with the products of each vector,
    equally many for all of them. It is None where products of one vector do not lie
    side by side. (`nengo_dl_optimizer.order_signals` puts large ones so.)
    """
    vectors = {op: signals[op.X].slices for op in ops}
    runs = [list(run) for _, run in groupby(ops, vectors.__getitem__)]
    parts = [list(part) for _, part in groupby(runs, key=len)]
    if len(runs) > len(set(vectors.values())) or len(parts) > tuning.MAX_PARTS:
        return None
    return parts


class _Product:
    """The product of stacked matrices, each with a vector of its own.

    Parameters
    ----------
    runs : list of list of nengo.builder.operator.DotInc
        Equally many operators for each vector.
    signals : SignalDict
        Where their signals are.
    config : BuildConfig
        Settings of the simulation.
    """

    def __init__(
        self,
        runs: Sequence[Sequence[Operator]],
        signals: SignalDict,
        config: BuildConfig,
    ) -> None:
        self._multiply = _stacked_product if config.cpu_only else _library_product
        matrix, vector = runs[0][0].A, runs[0][0].X
        is_large = matrix.size >= tuning.MIN_BFLOAT16_WEIGHTS
        self._in_bfloat16 = config.product_dtype == "bfloat16" and is_large
        # A scalar multiplies every element, and a vector is a matrix of one row.
        n_columns = matrix.shape[-1] if matrix.ndim else 1
        n_rows = len(runs[0]) * matrix.size // n_columns
        n_items = vector.size // n_columns
        a = signals.combine([op.A for run in runs for op in run]).reshape(
            (len(runs), n_rows, n_columns)
        )
        self.a = signals.reader(a)
        # for the gradient; without one nothing comes of it
        self.transposed = (
            None if a.minibatched else tf.linalg.matrix_transpose(self.a(signals))
        )
        self.x = signals.combine([run[0].X for run in runs]).reshape(
            (len(runs), n_columns, n_items)
        )

    def __call__(self, signals: SignalDict) -> tf.Tensor:
        """Multiply; the results are one row, in the order of the operators."""
        a, x = self.a(signals), signals.gather(self.x)
        if self.transposed is not None and self.x.minibatched:
            value = signals.multiply(self._product, x, a)
        else:
            value = self._multiply(a, self.transposed, x)
        return tf.reshape(value, (*value.shape[:-3], -1))

    def _product(self, x: tf.Tensor, a: tf.Tensor) -> tf.Tensor:
        """Multiply the items of one step, or of many steps at once."""
        if self._in_bfloat16 and x.shape[-1] == 1 < a.shape[-1]:
            return _right_product(a, x[..., 0], bfloat16_matmul)[..., None]
        of_step = x.shape[0] == self.x.minibatch_size
        if of_step or a.shape[-1] == 1 or x.shape[-1] > 1:
            return self._multiply(a, self.transposed, x)
        return _right_product(a, x[..., 0])[..., None]


def _lane_sums(products: tf.Tensor) -> tf.Tensor:
    """Sum over the last axis, several running sums at a time.

    The one sum that XLA forms for every result waits for each addition to end.
    """
    n_terms = products.shape[-1]
    n_lanes = tuning.LANES
    n_rounds = n_terms // n_lanes
    rounds = products[..., : n_rounds * n_lanes]
    lanes = tf.reshape(rounds, (-1, *products.shape[1:-1], n_rounds, n_lanes))
    total = tf.reduce_sum(stored(tf.reduce_sum(lanes, -2)), -1)
    if n_terms % n_lanes:
        total += tf.reduce_sum(products[..., n_rounds * n_lanes :], -1)
    return total


def _library_product(
    a: tf.Tensor, transposed: tf.Tensor | None, x: tf.Tensor
) -> tf.Tensor:
    """Multiply as `_stacked_product` does, on any device."""
    return rounded_product(a, x) if a.shape[-1] == 1 else tf.matmul(a, x)


def _stacked_product(
    a: tf.Tensor, transposed: tf.Tensor | None, x: tf.Tensor
) -> tf.Tensor:
    """Products of stacked matrices, ``(..., k, m, n)``, and columns ``(..., k, n, p)``.

    A matrix of a single column needs no sum: its products are rounded before they are
    added to anything, as the reference does it.
    """
    if a.shape[-1] == 1:
        return stored(rounded_product(a, x))
    if a.shape[-2] == 1 and x.shape[-1] == 1 and a.shape[-1] >= tuning.LANES:
        return _lane_sums(a[..., 0, :] * x[..., 0])[..., None, None]
    if transposed is not None and x.shape.rank == 4 and x.shape[-1] == 1:
        return _minibatch_product(a, transposed, x[..., 0])[..., None]
    return tf.matmul(a, x)


def _minibatch_product(a: tf.Tensor, transposed: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Products of matrices, ``(k, m, n)``, and vectors ``(b, k, n)``: ``(b, k, m)``.

    XLA has several ways to compute a product on a CPU. Which it takes depends on the
    shapes, and on the side that the matrix is on.
    """
    k, m, n = a.shape
    b = x.shape[0]
    if b == k == 1 and m % 2 == 0 and m * n in tuning.HALVED_SIZES:
        halves = tf.reshape(a, (2, m // 2, n))
        return tf.reshape(
            tf.matmul(halves, tf.tile(x, (2, 1, 1)), False, True), (b, k, m)
        )
    from_size = tuning.LEFT_SIZE if k == 1 else tuning.LEFT_SIZE_STACKED
    large = m * n >= from_size and b < tuning.MAX_LEFT_ITEMS
    if b > 1 and (large or (k > 1 and m >= n)):
        columns = tf.transpose(x, (1, 2, 0))
        return tf.transpose(_left_product(a, transposed, columns), (2, 0, 1))
    return _right_product(a, x)


def _right_product(
    a: tf.Tensor,
    x: tf.Tensor,
    matmul: Callable[..., tf.Tensor] = tf.matmul,
) -> tf.Tensor:
    """Compute `_minibatch_product` with the matrices on the right of the vectors."""
    k, m, n = a.shape
    if k == 1:  # nothing has to be moved
        rows = tf.reshape(x, (-1, n))
        return tf.reshape(matmul(rows, a[0], transpose_b=True), (-1, 1, m))
    rows = tf.transpose(x, (1, 0, 2))
    return tf.transpose(matmul(rows, a, transpose_b=True), (1, 0, 2))


def _left_product(a: tf.Tensor, transposed: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Multiply ``a @ x``, with a gradient that need not transpose ``a`` in every step.

    With matrices of 2048 x 64 and 8 items, that takes a quarter of the time.
    """

    @tf.custom_gradient
    def product(a: tf.Tensor, x: tf.Tensor) -> tuple[tf.Tensor, Any]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return (
                tf.matmul(upstream, x, transpose_b=True),
                tf.matmul(transposed, upstream),
            )

        return tf.matmul(a, x), gradient

    return product(a, x)
