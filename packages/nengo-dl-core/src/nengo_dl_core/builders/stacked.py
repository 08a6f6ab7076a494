"""Products of stacked matrices, each with a vector of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow as tf

from nengo_dl_core import tuning
from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.numerics import rounded_product, stored

Multiply = Callable[[tf.Tensor, tf.Tensor | None, tf.Tensor], tf.Tensor]


def _lane_sums(products: tf.Tensor) -> tf.Tensor:
    """Sum over the last axis, several running sums at a time.

    The one sum that XLA forms for every result waits for each addition to end.
    """
    n_lanes = tuning.LANES
    n_rounds, n_left = divmod(products.shape[-1], n_lanes)
    if n_left:
        in_lanes, left = tf.split(products, [n_rounds * n_lanes, n_left], -1)
        return _lane_sums(in_lanes) + tf.reduce_sum(left, -1)
    lanes = tf.reshape(products, (-1, *products.shape[1:-1], n_rounds, n_lanes))
    return tf.reduce_sum(stored(tf.reduce_sum(lanes, -2)), -1)


def transposed_before_steps(
    a: tf.Tensor, n_items: int | None, config: BuildConfig
) -> tf.Tensor | None:
    """Transpose matrices before the first step, if that pays.

    Parameters
    ----------
    a : tf.Tensor
        Matrices, ``(k, m, n)``.
    n_items : int or None
        Number of items of one step.
    config : BuildConfig
        Settings of the simulation.

    Returns
    -------
    transposed : tf.Tensor or None
        Transposed matrices, ``(k, n, m)``, for `stacked_product`.
    """
    repeated = config.many_steps and not config.at_once
    if not (config.cpu_only and repeated) or n_items is None or a.shape[-1] == 1:
        return None
    if not 1 < n_items < tuning.MAX_TRANSPOSED_ITEMS:
        return None
    return tf.linalg.matrix_transpose(a)


def of_items(
    multiply: Multiply,
    a: tf.Tensor,
    transposed: tf.Tensor | None,
    x: tf.Tensor,
    n_items: int | None,
) -> tf.Tensor:
    """Multiply the items of one step, or of many steps at once.

    Parameters
    ----------
    multiply : callable
        What multiplies those of one step, see `multiplication`.
    a, transposed, x : tf.Tensor
        Its arguments.
    n_items : int or None
        Number of items of one step; None if ``x`` has no axis for items.

    Returns
    -------
    products : tf.Tensor
        The products, ``(..., k, m, p)``.
    """
    of_step = n_items is None or x.shape[0] == n_items
    if of_step or a.shape[-1] == 1 or x.shape[-1] > 1:
        return multiply(a, transposed, x)
    return right_product(a, tf.squeeze(x, -1))[..., None]


def multiplication(config: BuildConfig) -> Multiply:
    """Choose what multiplies the items of one step.

    Parameters
    ----------
    config : BuildConfig
        Settings of the simulation.

    Returns
    -------
    multiply : callable
        Takes the arguments of `stacked_product`. Where no compiler contracts products
        and sums, products by columns are not rounded for it, and those by rows are
        TensorFlow's, without lanes: each operation would go through memory.
    """
    multiply = stacked_product if config.cpu_only else library_product
    if config.parameters_of_items and config.cpu_only:
        multiply = partial(_item_by_item, multiply)
    if not config.contracts:
        multiply = partial(_by_library, multiply)
    if config.compiled and config.training and config.cpu_only:
        multiply = partial(_with_products_as_gradients, multiply)
    return multiply


def _by_library(
    multiply: Multiply, a: tf.Tensor, transposed: tf.Tensor | None, x: tf.Tensor
) -> tf.Tensor:
    if a.shape[-1] == 1:
        return a * x
    if a.shape[-2] == 1 and _are_vectors_of_items(a, x):
        return right_product(a, tf.squeeze(x, -1))[..., None]
    return multiply(a, transposed, x)


def _with_products_as_gradients(
    multiply: Multiply, a: tf.Tensor, transposed: tf.Tensor | None, x: tf.Tensor
) -> tf.Tensor:
    """Multiply by rows and columns so that their gradients are such products, too.

    TensorFlow would differentiate what they are written as, sums in several parts. A
    step of the gradient of the basal ganglia takes two thirds of the time so.
    """
    known = x.shape[0] is not None
    if not (known and 1 in a.shape[1:] and _are_vectors_of_items(a, x)):
        return multiply(a, transposed, x)

    @tf.custom_gradient
    def product(a: tf.Tensor, x: tf.Tensor) -> tuple[tf.Tensor, Any]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            columns = tf.linalg.matrix_transpose(a)
            of_a = tf.reduce_sum(upstream * tf.linalg.matrix_transpose(x), 0)
            return of_a, multiply(columns, None, upstream)

        return multiply(a, transposed, x), gradient

    return product(a, x)


def _item_by_item(
    multiply: Multiply, a: tf.Tensor, transposed: tf.Tensor | None, x: tf.Tensor
) -> tf.Tensor:
    """Multiply each item by its own matrix as it would be if there were no others.

    XLA's product of several matrices adds up in another order than that of one.
    """
    *_, k, m, n = a.shape
    by_elements = n == 1 or (m == 1 and n >= tuning.LANES)
    if a.shape.rank < 4 or k > 1 or by_elements:
        return multiply(a, transposed, x)
    pairs = zip(tf.split(a, a.shape[0]), tf.split(x, x.shape[0]), strict=True)
    return tf.concat(
        [multiply(tf.squeeze(own, 0), None, vector) for own, vector in pairs], 0
    )


def library_product(
    a: tf.Tensor, transposed: tf.Tensor | None, x: tf.Tensor
) -> tf.Tensor:
    """Multiply as `stacked_product` does, on any device.

    Parameters
    ----------
    a : tf.Tensor
        Matrices, ``(..., k, m, n)``.
    transposed : tf.Tensor or None
        Not used.
    x : tf.Tensor
        Columns, ``(..., k, n, p)``.

    Returns
    -------
    products : tf.Tensor
        The products, ``(..., k, m, p)``.
    """
    return rounded_product(a, x) if a.shape[-1] == 1 else tf.matmul(a, x)


def stacked_product(
    a: tf.Tensor, transposed: tf.Tensor | None, x: tf.Tensor
) -> tf.Tensor:
    """Multiply stacked matrices with columns, on a CPU.

    A matrix of a single column needs no sum: its products are rounded before they are
    added to anything, as the reference does it.

    Parameters
    ----------
    a : tf.Tensor
        Matrices, ``(..., k, m, n)``.
    transposed : tf.Tensor or None
        What `transposed_before_steps` returns.
    x : tf.Tensor
        Columns, ``(..., k, n, p)``.

    Returns
    -------
    products : tf.Tensor
        The products, ``(..., k, m, p)``.
    """
    if a.shape[-1] == 1:
        return stored(rounded_product(a, x))
    if a.shape[-2] == 1 and x.shape[-1] == 1 and a.shape[-1] >= tuning.LANES:
        sums = _lane_sums(tf.squeeze(a, -2) * tf.squeeze(x, -1))
        return tf.reshape(sums, (*sums.shape, 1, 1))
    if _are_vectors_of_items(a, x):
        products = _minibatch_product(a, transposed, tf.squeeze(x, -1))
        return tf.expand_dims(products, -1)
    return tf.matmul(a, x)


def _are_vectors_of_items(a: tf.Tensor, x: tf.Tensor) -> bool:
    """Whether each item has a vector for each of matrices that all items have."""
    return a.shape.rank == 3 and x.shape.rank == 4 and x.shape[-1] == 1


def _minibatch_product(
    a: tf.Tensor, transposed: tf.Tensor | None, x: tf.Tensor
) -> tf.Tensor:
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
    if transposed is not None:
        return right_product(a, x, partial(_matmul_with_both, transposed))
    if _from_left(a, b):
        columns = tf.transpose(x, (1, 2, 0))
        return tf.transpose(tf.matmul(a, columns), (2, 0, 1))
    return right_product(a, x)


def _from_left(a: tf.Tensor, n_items: int) -> bool:
    """Whether matrices, ``(k, m, n)``, multiply the vectors of items from the left."""
    k, m, n = a.shape
    from_size = tuning.LEFT_SIZE if k == 1 else tuning.LEFT_SIZE_STACKED
    large = m * n >= from_size and n_items < tuning.MAX_LEFT_ITEMS
    return n_items > 1 and n > 1 and (large or (k > 1 and m >= n))


def right_product(
    a: tf.Tensor,
    x: tf.Tensor,
    matmul: Callable[..., tf.Tensor] = tf.matmul,
) -> tf.Tensor:
    """Multiply with the matrices on the right of the vectors.

    Parameters
    ----------
    a : tf.Tensor
        Matrices, ``(k, m, n)``.
    x : tf.Tensor
        Vectors, ``(b, k, n)``.
    matmul : callable
        What multiplies matrices; it has the arguments of ``tf.matmul``.

    Returns
    -------
    products : tf.Tensor
        The products, ``(b, k, m)``.
    """
    k, m, n = a.shape
    if k == 1:  # nothing has to be moved
        rows = tf.reshape(x, (-1, n))
        products = matmul(rows, tf.squeeze(a, 0), transpose_b=True)
        return tf.reshape(products, (-1, 1, m))
    rows = tf.transpose(x, (1, 0, 2))
    return tf.transpose(matmul(rows, a, transpose_b=True), (1, 0, 2))


def _matmul_with_both(
    transposed: tf.Tensor, rows: tf.Tensor, a: tf.Tensor, transpose_b: bool
) -> tf.Tensor:
    """Do what ``tf.matmul(rows, a, transpose_b=True)`` does, knowing the transpose.

    So neither a step nor its gradient transposes a matrix of many rows.
    """
    transposed = tf.reshape(transposed, (*a.shape[:-2], *transposed.shape[-2:]))

    def multiplied(
        rows: tf.Tensor, matrix: tf.Tensor, its_transpose: tf.Tensor
    ) -> tf.Tensor:
        if matrix.shape[-2] < tuning.MIN_TRANSPOSED_ROWS:
            return tf.matmul(rows, matrix, transpose_b=True)
        return tf.matmul(rows, its_transpose)

    @tf.custom_gradient
    def product(rows: tf.Tensor, a: tf.Tensor) -> tuple[tf.Tensor, Any]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return (
                multiplied(upstream, transposed, a),
                tf.matmul(upstream, rows, transpose_a=True),
            )

        return multiplied(rows, a, transposed), gradient

    return product(rows, a)
