"""Products of stacked matrices, transposed before the steps."""

import numpy as np
import pytest
import tensorflow as tf

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.stacked import stacked_product, transposed_before_steps


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize(
    ("k", "m", "n"), [(1, 20, 3), (1, 3, 20), (3, 20, 18), (3, 4, 5)]
)
def test_equals_matmul_with_its_gradients(k, m, n, jit_compile):
    rng = np.random.RandomState(0)
    a, x = rng.normal(size=(k, m, n)), rng.normal(size=(4, k, n, 1))
    config = BuildConfig(False, None, True, rng, True, many_steps=True)

    def product(a, x):
        transposed = transposed_before_steps(a, 4, config)
        assert transposed.shape == (k, n, m)
        return stacked_product(a, transposed, x)

    def value_and_gradients(multiply, a, x):
        with tf.GradientTape(persistent=True) as outer:
            outer.watch([a, x])
            with tf.GradientTape() as tape:
                tape.watch([a, x])
                y = tf.sin(multiply(a, x))
            first = tape.gradient(y, [a, x])
            total = tf.add_n([tf.reduce_sum(d**2) for d in first])
        return [y, *first, *outer.gradient(total, [a, x])]

    def computed(multiply):
        function = tf.function(
            lambda a, x: value_and_gradients(multiply, a, x),
            jit_compile=jit_compile,
            autograph=False,
        )
        return function(tf.constant(a), tf.constant(x))

    for one, other in zip(computed(product), computed(tf.matmul), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)


def test_few_steps_are_not_worth_it():
    config = BuildConfig(False, None, True, np.random.RandomState(0), True)
    assert transposed_before_steps(tf.ones((1, 20, 3)), 4, config) is None
