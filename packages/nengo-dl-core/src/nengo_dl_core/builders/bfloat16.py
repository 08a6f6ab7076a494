"""Products of matrices in bfloat16, summed in float32."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def bfloat16_matmul(a: tf.Tensor, b: tf.Tensor, transpose_b: bool = False) -> tf.Tensor:
    """Multiply matrices of which every element is rounded to bfloat16.

    So are those of the gradient. Products of two such numbers are exact in float32, in
    which they are summed.

    Parameters
    ----------
    a, b : tf.Tensor
        Matrices in float32, ``(..., m, n)`` and ``(..., n, p)``.
    transpose_b : bool
        Whether the second has shape ``(..., p, n)``.

    Returns
    -------
    product : tf.Tensor
        The product in float32, ``(..., m, p)``.
    """
    return _matmul(a, tf.linalg.matrix_transpose(b) if transpose_b else b)


@tf.custom_gradient
def _matmul(
    a: tf.Tensor, b: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return (
            bfloat16_matmul(upstream, b, transpose_b=True),
            _matmul(tf.linalg.matrix_transpose(a), upstream),
        )

    # TensorFlow's own gradient of the product must not even be built: it has two types
    return _compiled(tf.stop_gradient(a), tf.stop_gradient(b)), gradient


@tf.function(jit_compile=True, autograph=False)
def _compiled(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Multiply; uncompiled, TensorFlow would round the sums to bfloat16 as well."""
    return tf.raw_ops.BatchMatMulV3(
        x=tf.cast(a, tf.bfloat16), y=tf.cast(b, tf.bfloat16), Tout=tf.float32
    )
