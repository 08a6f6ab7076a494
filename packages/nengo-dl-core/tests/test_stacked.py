"""Products of stacked matrices, and their gradients."""

import numpy as np
import pytest
import tensorflow as tf

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.stacked import (
    multiplication,
    stacked_product,
    transposed_before_steps,
)
from nengo_dl_core.private_names import compiler_ir


def value_and_gradients(multiply, a, x):
    """The sine of a product, its gradients, and those of the sum of their squares."""
    with tf.GradientTape(persistent=True) as outer:
        outer.watch([a, x])
        with tf.GradientTape() as tape:
            tape.watch([a, x])
            y = tf.sin(multiply(a, x))
        first = tape.gradient(y, [a, x])
        total = tf.add_n([tf.reduce_sum(d**2) for d in first])
    return [y, *first, *outer.gradient(total, [a, x])]


def check_against_matmul(multiply, k, m, n, jit_compile):
    rng = np.random.RandomState(0)
    a, x = rng.normal(size=(k, m, n)), rng.normal(size=(4, k, n, 1))

    def computed(multiply):
        function = tf.function(
            lambda a, x: value_and_gradients(multiply, a, x),
            jit_compile=jit_compile,
            autograph=False,
        )
        return function(tf.constant(a), tf.constant(x))

    for one, other in zip(computed(multiply), computed(tf.matmul), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize(
    ("k", "m", "n"), [(1, 20, 3), (1, 3, 20), (3, 20, 18), (3, 4, 5)]
)
def test_transposed_before(k, m, n, jit_compile):
    config = BuildConfig(
        False, None, True, np.random.RandomState(0), True, many_steps=True
    )

    def product(a, x):
        transposed = transposed_before_steps(a, 4, config)
        assert transposed.shape == (k, n, m)
        return stacked_product(a, transposed, x)

    check_against_matmul(product, k, m, n, jit_compile)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize(
    ("k", "m", "n"), [(3, 20, 1), (1, 3, 1), (3, 1, 20), (1, 1, 3), (2, 1, 1)]
)
def test_rows_and_columns(k, m, n, jit_compile):
    config = BuildConfig(
        *(False, None, True, np.random.RandomState(0), True), compiled=jit_compile
    )
    multiply = multiplication(config)
    check_against_matmul(lambda a, x: multiply(a, None, x), k, m, n, jit_compile)


def test_gradients_of_columns_are_no_sums_in_parts():
    """XLA adds up in two passes what are no products in lanes."""
    config = BuildConfig(
        *(False, None, True, np.random.RandomState(0), True), compiled=True
    )

    def program(multiply):
        @tf.function(autograph=False, jit_compile=True)
        def gradient(a, x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = multiply(a, None, x)
            return tape.gradient(y, x, tf.cos(y))

        a, x = tf.ones((3, 100, 1)), tf.ones((4, 3, 1, 1))
        return compiler_ir(gradient, a, x, stage="optimized_hlo")

    assert "reduce-window" not in program(multiplication(config))
    assert "reduce-window" in program(stacked_product)


@pytest.mark.parametrize(("m", "n"), [(9, 1), (3, 1)])
def test_gradients_of_any_number_of_items(m, n):
    config = BuildConfig(
        *(False, None, True, np.random.RandomState(0), True), compiled=True
    )
    multiply = multiplication(config)

    @tf.function(autograph=False, input_signature=[tf.TensorSpec((None, 2, n, 1))])
    def gradients(x):
        with tf.GradientTape() as tape:
            tape.watch(a)
            y = multiply(a, None, x)
        return tape.gradient(y, a)

    a = tf.ones((2, m, n))
    np.testing.assert_allclose(gradients(tf.ones((5, 2, n, 1))), 5 * a)


def test_few_steps_are_not_worth_it():
    config = BuildConfig(False, None, True, np.random.RandomState(0), True)
    assert transposed_before_steps(tf.ones((1, 20, 3)), 4, config) is None
