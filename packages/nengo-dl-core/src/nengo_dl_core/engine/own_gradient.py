"""A computation that nothing outside of it differentiates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from nengo_dl_core.private_names import OwnerOfGradients, gradients_of

Tensors = list[tf.Tensor]


def with_own_gradient(
    compute: Callable[[tf.GradientTape, Tensors], Tensors],
    plain: Callable[[Tensors], Tensors],
    arguments: Sequence[tf.Tensor],
    owner: OwnerOfGradients,
) -> Tensors:
    """Compute something that is differentiated by a tape of its own.

    Tapes outside see a single operation. They never come to differentiate what is
    compiled, and keep nothing for it.

    Parameters
    ----------
    compute : callable
        Computes the results from the arguments, recorded by the tape that it is given.
    plain : callable
        Computes the same in a way that TensorFlow can differentiate any number of
        times; for gradients of gradients.
    arguments : list of tf.Tensor
        The arguments, of floating point types.
    owner : OwnerOfGradients
        What the gradient of the gradient lives with; see `gradients_of`.

    Returns
    -------
    results : list of tf.Tensor
        The results. Those of integer types have no gradient.
    """
    n_arguments = len(arguments)

    @tf.custom_gradient
    def run(*arguments: tf.Tensor) -> tuple[Tensors, Any]:
        inner = [tf.stop_gradient(x) for x in arguments]
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(inner)
            results = compute(tape, inner)
        floats = [i for i, x in enumerate(results) if x.dtype.is_floating]
        there: list[int] = []

        @tf.custom_gradient
        def first(*tensors: tf.Tensor) -> tuple[Tensors, Any]:
            upstream = [tf.stop_gradient(x) for x in tensors[n_arguments:]]
            gradients = tape.gradient([results[i] for i in floats], inner, upstream)
            there[:] = [i for i, x in enumerate(gradients) if x is not None]

            def second(*upstream: tf.Tensor) -> Tensors:
                with tf.GradientTape() as outer:
                    outer.watch(tensors)
                    values = tensors[:n_arguments]
                    with tf.GradientTape() as tape:
                        tape.watch(values)
                        results = plain(list(values))
                    found = tape.gradient(
                        [results[i] for i in floats],
                        values,
                        tensors[n_arguments:],
                        unconnected_gradients="zero",
                    )
                return outer.gradient(
                    [found[i] for i in there], tensors, list(upstream)
                )

            return [gradients[i] for i in there], second

        def gradient(*upstream: tf.Tensor) -> list[tf.Tensor | None]:
            with gradients_of(owner):
                found = first(*arguments, *(upstream[i] for i in floats))
            by_place = dict(zip(there, found, strict=True))
            return [by_place.get(i) for i in range(n_arguments)]

        return results, gradient

    return list(run(*arguments))
