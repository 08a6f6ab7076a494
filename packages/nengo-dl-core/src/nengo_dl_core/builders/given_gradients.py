"""Gives values gradients that are not their own."""

from __future__ import annotations

import tensorflow as tf

from nengo_dl_core.surrogates import Surrogate


def with_derivative(
    derivative: Surrogate, distance: tf.Tensor, value: tf.Tensor, factor: tf.Tensor
) -> tf.Tensor:
    """Give a value a derivative by a distance, and no other.

    Parameters
    ----------
    derivative : callable
        Computes the derivatives, up to the factor.
    distance : tf.Tensor
        The distance.
    value : tf.Tensor
        The value, of the same shape.
    factor : tf.Tensor
        A constant.

    Returns
    -------
    value : tf.Tensor
        The same.
    """

    @tf.custom_gradient
    def function(distance: tf.Tensor) -> tuple[tf.Tensor, Surrogate]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            return upstream * factor * derivative(distance)

        return tf.identity(value), gradient

    return function(distance)


def with_gradient_of(function: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """Give a value the gradient of something else.

    Parameters
    ----------
    function : tf.Tensor
        What to take the gradient of; finite.
    value : tf.Tensor
        The value, of the same shape.

    Returns
    -------
    value : tf.Tensor
        Exactly the value, since what is added to it is zero.
    """
    return tf.stop_gradient(value) + (function - tf.stop_gradient(function))
