"""Parts of a computation that are compiled on their own, and what cannot be."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import tensorflow as tf

from nengo_dl_core.builders.numerics import hide_one


@cache
def compiles_float16() -> bool:
    """Find out whether what is compiled can compute in float16 here.

    Where a processor does not convert it (F16C), XLA calls functions that TensorFlow
    does not have. TensorFlow's own kernels do without.

    Returns
    -------
    compiles_float16 : bool
        Whether it has worked once.
    """
    double = tf.function(lambda x: x + x, jit_compile=True, autograph=False)
    try:
        double(tf.ones(1, tf.float16))
    except tf.errors.InternalError:
        return False
    return True


def compiled(
    function: Callable[[tf.Tensor], Any], x: tf.Tensor, differentiated: bool
) -> Any:
    """Compute many small operations by one loop over the elements of a tensor.

    For the gradient they are computed again, in the loop that computes it: nothing is
    kept but the tensor.

    Parameters
    ----------
    function : callable
        Computes the results.
    x : tf.Tensor
        What from.
    differentiated : bool
        Whether the gradient may be needed.

    Returns
    -------
    results : tf.Tensor, or list of tf.Tensor
        The results.
    """
    unknown = tf.constant(0)  # as all arguments are, to the compiler
    options = {"jit_compile": True, "autograph": False}

    def compute(x: tf.Tensor, unknown: tf.Tensor) -> Any:
        hide_one(unknown)
        return function(x)

    def go_back(x: tf.Tensor, unknown: tf.Tensor, *upstream: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            results = compute(x, unknown)
        return tape.gradient(results, x, tf.nest.pack_sequence_as(results, upstream))

    forward = tf.function(compute, **options)
    if not differentiated:
        return forward(x, unknown)

    @tf.custom_gradient
    def run(x: tf.Tensor) -> tuple[Any, Any]:
        def gradient(*upstream: tf.Tensor) -> tf.Tensor:
            return tf.function(go_back, **options)(x, unknown, *upstream)

        return forward(x, unknown), gradient

    return run(x)
