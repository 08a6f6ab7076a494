"""Compiled arithmetic gives NumPy's results."""

import re
from decimal import Decimal, localcontext
from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from nengo_dl_core.builders.numerics import (
    expm1_above,
    hide_one,
    log1p_above,
    log1p_of_reciprocal,
    quotient,
    rounded,
    rounded_product,
    stored,
)
from nengo_dl_core.private_names import compiler_ir

N = 10_001  # no multiple of a vector's length, so that remainders are covered


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture(params=["plain", "compiled", "loop"])
def run(request):
    """Call a function of tensors: plain, compiled, or within a compiled loop."""

    def run(function, *args):
        def loop(*args):
            n_steps = tf.cast(args[0][0, 0] * 0 + 2, tf.int32)
            return tf.while_loop(
                lambda i, *_: i < n_steps,
                lambda i, *_: (i + 1, function(*args)),
                (tf.constant(0), tf.zeros_like(args[0])),
            )[1]

        call = tf.function(
            loop if request.param == "loop" else function,
            jit_compile=request.param != "plain",
            autograph=False,
        )
        return call(*map(tf.constant, args)).numpy()

    return run


@pytest.fixture
def numbers(dtype):
    rng = np.random.RandomState(0)
    return [rng.normal(size=(1, N)).astype(dtype) for _ in range(3)]


# name: what is computed with tensors (and constants c), and the same in NumPy
EXACT = {
    "product and sum": (
        lambda a, b, c: rounded_product(a, b) + c,
        lambda a, b, c: a * b + c,
    ),
    "difference": (
        lambda a, b, c: c - rounded_product(a, b),
        lambda a, b, c: c - a * b,
    ),
    "negated": (
        lambda a, b, c: c + -rounded_product(a, b),
        lambda a, b, c: c - a * b,
    ),
    "two products": (
        lambda a, b, c: rounded_product(a, b) + rounded_product(b, c),
        lambda a, b, c: a * b + b * c,
    ),
    "constant factor": (
        lambda a, b, c: rounded(a * 0.001) + c,
        lambda a, b, c: a * a.dtype.type(0.001) + c,
    ),
    "broadcast factor": (
        lambda a, b, c: rounded_product(a, b[:, :1]) + c,
        lambda a, b, c: a * b[:, :1] + c,
    ),
    "constant factors": (
        lambda a, b, c: rounded(rounded(a * 1000) * 0.001) + c,
        lambda a, b, c: a * a.dtype.type(1000) * a.dtype.type(0.001) + c,
    ),
    "constant terms": (
        lambda a, b, c: rounded(a - 0.3) + 0.7,
        lambda a, b, c: (a - a.dtype.type(0.3)) + a.dtype.type(0.7),
    ),
    "quotient by a constant": (
        lambda a, b, c: quotient(a, tf.constant(0.03, a.dtype)),
        lambda a, b, c: a / a.dtype.type(0.03),
    ),
    "stored product": (
        lambda a, b, c: tf.floor(stored(c + rounded_product(a, b))),
        lambda a, b, c: np.floor(c + a * b),
    ),
}


@pytest.mark.parametrize(("compute", "expected"), EXACT.values(), ids=EXACT)
def test_rounds_like_numpy(compute, expected, numbers, run):
    np.testing.assert_array_equal(run(compute, *numbers), expected(*numbers))


@pytest.mark.parametrize("name", ["quotient by a constant", "stored product"])
def test_rounds_like_numpy_in_a_step(name, numbers):
    """Where the number of the step is known, compiled or not."""
    compute, expected = EXACT[name]

    def step(number, *values):
        hide_one(number)
        return compute(*values)

    number = tf.constant(7, tf.int64)
    for jit_compile in (True, None):
        result = tf.function(step, jit_compile=jit_compile)(number, *numbers)
        np.testing.assert_array_equal(result, expected(*numbers))


def test_compilers_round_otherwise(numbers):
    """What `rounded` is for: if this fails it has become unnecessary.

    (For ``a * b + c``, whether it is needed depends on the processor.)
    """
    a, _, _ = numbers
    compiled = tf.function(lambda a: (a * 1000) * 0.001, jit_compile=True)
    factors = a.dtype.type(1000), a.dtype.type(0.001)
    assert np.mean(compiled(a).numpy() != a * factors[0] * factors[1]) > 0.1


@pytest.mark.parametrize("function", [rounded, stored])
def test_special_values_pass(function, dtype, run):
    values = np.array([[0.0, -0.0, np.inf, -np.inf, np.nan]], dtype)
    result = run(function, values)
    np.testing.assert_array_equal(result, values)
    np.testing.assert_array_equal(np.signbit(result[0, :4]), [0, 1, 0, 1])


def test_gradients_pass():
    x = tf.constant([[0.5, -2.0]], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = stored(rounded_product(x, x)) + quotient(x, tf.constant(4.0, x.dtype))
    np.testing.assert_array_equal(tape.gradient(y, x), [[1.25, -3.75]])


def test_stored_value_is_computed_once():
    def results(x, keep):
        # a product that XLA would repeat in the loop of each result
        common = keep(x * x * x)
        return tf.where(common > 1, x, common), tf.where(common > 1, common, x)

    def n_products(keep):
        function = tf.function(lambda x: results(x, keep), jit_compile=True)
        x = tf.random.normal((1, 1000))
        text = compiler_ir(function, x, stage="optimized_hlo")
        return len(re.findall(r"f32\[1,1000\]\S* multiply\(", text))

    assert n_products(tf.identity) == 4
    assert n_products(stored) == 2


FUNCTIONS = [(expm1_above, np.expm1), (log1p_above, np.log1p)]


@pytest.mark.parametrize(
    ("function", "exact"),
    [(expm1_above, lambda x: x.exp() - 1), (log1p_above, lambda x: (1 + x).ln())],
)
def test_series_are_correctly_rounded(function, exact, dtype):
    """The oracle has 50 digits, since NumPy's last bit depends on the processor."""
    for bound in (1e-9, 0.001, 0.02, 0.05, 0.1):
        x = np.random.RandomState(0).uniform(-bound, 0, size=(1, 2001)).astype(dtype)
        x[0, :3] = 0, -bound, -bound / 2
        with localcontext(prec=50):
            values = [float(exact(Decimal(value.item()))) for value in x[0]]
        expected = np.array([values], dtype)
        for jit in (False, True):
            compute = tf.function(partial(function, -bound), jit_compile=jit)
            actual = compute(x).numpy()
            assert np.mean(actual != expected) < 0.02
            assert (np.abs(actual - expected) <= np.spacing(np.abs(expected))).all()


@pytest.mark.parametrize(("low", "high"), [(-7, 0), (-0.5, 0.5), (0, 4), (4, 30)])
def test_logarithm_of_what_exceeds_one_by_a_reciprocal(low, high):
    x = 10 ** np.random.RandomState(0).uniform(low, high, size=(1, N))
    x = np.append(x, [[10**low, 10**high, 1, np.inf]], axis=1).astype("float32")
    expected = np.log1p(1 / x.astype("float64"))

    def value_and_gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = log1p_of_reciprocal(x, True)
        return y, tape.gradient(y, x)

    compute = tf.function(value_and_gradient, jit_compile=True, autograph=False)
    value, gradient = (result.numpy() for result in compute(x))
    unit = np.spacing(np.maximum(expected, 1e-37).astype("float32"))
    assert (np.abs(value - expected) <= 2.1 * unit).all()
    x = x[:, :-1]  # of what is infinite there is no gradient
    slope = -1 / (x * (1 + x.astype("float64")))
    np.testing.assert_allclose(gradient[:, :-1], slope, rtol=1e-6, atol=2e-38)
    plain = log1p_of_reciprocal(tf.constant(x), False)
    np.testing.assert_allclose(plain, np.log1p(1 / x), rtol=1e-6)


@pytest.mark.parametrize(("function", "exact"), FUNCTIONS)
@pytest.mark.parametrize("bound", [0.25, 0.6, np.inf])
def test_large_arguments(function, exact, bound, dtype):
    x = np.random.RandomState(0).uniform(-min(bound, 0.9), 0, (1, N)).astype(dtype)
    compute = tf.function(partial(function, -bound), jit_compile=True)
    rtol = {"float32": 1e-6, "float64": 1e-13}[dtype]
    np.testing.assert_allclose(compute(x).numpy(), exact(x), rtol=rtol)
