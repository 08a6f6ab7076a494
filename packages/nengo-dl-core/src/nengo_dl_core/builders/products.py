"""Products with weights that are the same in all steps.

A step multiplies by what it is given for it, so that whoever runs the steps knows its
products: ``multiply(function, x, weights)`` is ``function(x, weights)``. The gradient
of a step ends at large weights. Theirs is computed for many steps at once, from what
was multiplied and the gradients of the results. That of weights that are smaller than
these is summed up step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import tensorflow as tf

Function = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
Multiply = Callable[[Function, tf.Tensor, tf.Tensor], tf.Tensor]

# Results of products are kept for the gradient, and not computed again, if each of
# their elements is a sum of at least so many terms.
_MIN_TERMS = 4


def multiplied(function: Function, x: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Multiply where nobody needs to know of it; a `Multiply`."""
    return function(x, weights)


class MultiplyingStep(Protocol):
    """A step of a simulation, which multiplies by what it is given for it."""

    def __call__(
        self,
        number: tf.Tensor,
        inputs: list[tf.Tensor],
        states: list[tf.Tensor],
        multiply: Multiply = multiplied,
    ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """Compute the values to put out, and the state after."""


class Product(NamedTuple):
    """A product of a step.

    Attributes
    ----------
    function : callable
        Multiplies items by weights. It is linear in both, and takes any number of
        items, along the first axis.
    weights : tf.Tensor
        The weights, computed before the first step.
    kept : bool
        Whether the result is kept for the gradient.
    summed : bool
        Whether the gradient of the weights is summed up step by step.
    """

    function: Function
    weights: tf.Tensor
    kept: bool
    summed: bool

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Multiply items by the weights, where the gradient of a step may end."""
        return self.function(x, self._weights_of_step())

    def with_result(self, x: tf.Tensor, result: tf.Tensor) -> tf.Tensor:
        """Give a result that is known the gradient of the product."""

        @tf.custom_gradient
        def product(*factors: tf.Tensor) -> tuple[tf.Tensor, Any]:
            def gradient(upstream: tf.Tensor) -> list[tf.Tensor]:
                with tf.GradientTape() as tape:
                    tape.watch(factors)
                    value = self.function(*factors)
                return tape.gradient(value, factors, upstream)

            return tf.identity(result), gradient

        return product(x, self._weights_of_step())

    def _weights_of_step(self) -> tf.Tensor:
        return self.weights if self.summed else tf.stop_gradient(self.weights)

    def at_once(self, x: tf.Tensor) -> tf.Tensor:
        """Multiply what several steps multiply.

        Parameters
        ----------
        x : tf.Tensor
            What is multiplied, ``(n_steps, minibatch_size, ...)``.

        Returns
        -------
        results : tf.Tensor
            The results, ``(n_steps, minibatch_size, ...)``.
        """
        results = self.function(_items(x), self.weights)
        return tf.reshape(results, (-1, x.shape[1], *results.shape[1:]))

    def gradient(self, x: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
        """Compute the gradient of the weights from several steps.

        Parameters
        ----------
        x : tf.Tensor
            What was multiplied, ``(n_steps, minibatch_size, ...)``.
        upstream : tf.Tensor
            Gradients of the results, ``(n_steps, minibatch_size, ...)``.

        Returns
        -------
        gradient : tf.Tensor
            Of the shape of the weights.
        """
        weights = tf.identity(self.weights)  # of this graph, whichever it is
        with tf.GradientTape() as tape:
            tape.watch(weights)
            result = self.function(_items(x), weights)
        return tape.gradient(result, weights, _items(upstream))


class Multiplication:
    """Multiplies, and remembers the products.

    Attributes
    ----------
    products : list of Product
        The products.
    factors, results : list of tf.Tensor
        What was multiplied, and the results.
    """

    def __init__(self) -> None:
        self.products: list[Product] = []
        self.factors: list[tf.Tensor] = []
        self.results: list[tf.Tensor] = []

    def __call__(
        self, function: Function, x: tf.Tensor, weights: tf.Tensor
    ) -> tf.Tensor:
        """Multiply."""
        result = function(x, weights)
        if is_from_before(weights):
            n_weights, n_results = (y.shape.num_elements() for y in (weights, result))
            kept = x.shape[0] * n_weights >= _MIN_TERMS * n_results
            is_small = n_weights <= x.shape.num_elements() + n_results
            # a sum of many steps needs more digits than half precision has
            summed = is_small and weights.dtype.size > 2
            self.products.append(Product(function, weights, kept, summed))
            self.factors.append(x)
            self.results.append(result)
        return result


class RepeatedMultiplication(Multiplication):
    """Multiplies again, for the gradient.

    Parameters
    ----------
    products : list of Product
        The products of the step.
    kept : list of tf.Tensor
        The results that were kept.
    tape : tf.GradientTape
        Records the step.
    """

    def __init__(
        self,
        products: Sequence[Product],
        kept: Sequence[tf.Tensor],
        tape: tf.GradientTape,
    ) -> None:
        super().__init__()
        self._products: Iterator[Product] = iter(products)
        self._kept = iter(kept)
        self._tape = tape

    def __call__(
        self, function: Function, x: tf.Tensor, weights: tf.Tensor
    ) -> tf.Tensor:
        """Multiply."""
        if not is_from_before(weights):
            return function(x, weights)
        product = next(self._products)
        if product.kept:
            result = product.with_result(x, next(self._kept))
        else:
            result = product(x)
        self._tape.watch(result)  # also where nothing else depends on `x`
        self.factors.append(x)
        self.results.append(result)
        return result


def is_from_before(weights: tf.Tensor) -> bool:
    """Whether weights are computed before the steps that multiply by them.

    Parameters
    ----------
    weights : tf.Tensor
        What a step multiplies by.

    Returns
    -------
    is_from_before : bool
        Whether they belong to another graph than that of the step.
    """
    return weights.graph is not tf.compat.v1.get_default_graph()


def _items(values: tf.Tensor) -> tf.Tensor:
    """The items of all steps, along one axis."""
    n_steps, minibatch_size, *shape = values.shape
    n_items = -1 if n_steps is None else n_steps * minibatch_size
    return tf.reshape(values, (n_items, *shape))
