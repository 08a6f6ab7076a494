"""Products of matrices in bfloat16, summed in float32."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def bfloat16_matmul(
    a: tf.Tensor, b: tf.Tensor, transpose_a: bool = False, transpose_b: bool = False
) -> tf.Tensor:
    """Multiply matrices of which every element is rounded to bfloat16.

    So are those of the gradient. Products of two such numbers are exact in float32, in
    which they are summed.

    Parameters
    ----------
    a, b : tf.Tensor
        Matrices in float32, ``(..., m, n)`` and ``(..., n, p)``.
    transpose_a : bool
        Whether the first has shape ``(..., n, m)``.
    transpose_b : bool
        Whether the second has shape ``(..., p, n)``.

    Returns
    -------
    product : tf.Tensor
        The product in float32, ``(..., m, p)``.
    """

    @tf.custom_gradient
    def product(
        a: tf.Tensor, b: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # The product itself transposes: in a compiled loop XLA for CPUs has no
            # product of some matrices that were transposed before.
            return (
                bfloat16_matmul(b, upstream, transpose_b, True)
                if transpose_a
                else bfloat16_matmul(upstream, b, False, not transpose_b),
                bfloat16_matmul(upstream, a, True, transpose_a)
                if transpose_b
                else bfloat16_matmul(a, upstream, not transpose_a, False),
            )

        # TensorFlow's own gradient of the product must not even be built: it has two
        # types
        a, b = tf.stop_gradient(a), tf.stop_gradient(b)
        return _compiled(a, b, transpose_a, transpose_b), gradient

    return product(a, b)


@tf.function(jit_compile=True, autograph=False)
def _compiled(
    a: tf.Tensor, b: tf.Tensor, transpose_a: bool, transpose_b: bool
) -> tf.Tensor:
    """Multiply; uncompiled, TensorFlow would round the sums to bfloat16 as well."""
    return tf.raw_ops.BatchMatMulV3(
        x=tf.cast(a, tf.bfloat16),
        y=tf.cast(b, tf.bfloat16),
        Tout=tf.float32,
        adj_x=transpose_a,
        adj_y=transpose_b,
    )
