"""Arithmetic that gives, compiled or not, what NumPy's operations give.

An integrate-and-fire neuron compares its voltage with a threshold. Where its rate
divides the time step the voltage reaches the threshold exactly, and one bit decides in
which step it spikes. Compilers change last bits. Compared with the same expression in
NumPy, on 100,000 normally distributed numbers in float64 (TensorFlow 2.21, x86-64, the
compiler XLA, the optimiser of plain graphs Grappler):

===================== ================================= ============ ===========
expression            becomes                           compiled     plain graph
===================== ================================= ============ ===========
``a * b + c``         one rounding (a fused operation)  23% differ   same
``(c + b) + a``       a sum in the order of the names   same         32% differ
``x / constant``      ``x * (1 / constant)``            13%          13%
``(x * c1) * c2``     ``x * (c1 * c2)``                 42%          42%
``c1 * (x * y)``      ``(c1 * x) * y``                  same         35%
``(x + c1) + c2``     ``x + (c1 + c2)``                 33%          33%
``c1 - (x - c2)``     ``(c1 + c2) - x``                 same         28%
``(a / b) / c``       ``a / (b * c)``                   35%          same
``1 / sqrt(x)``       ``rsqrt(x)``                      30%          same
``expm1(x)``          other algorithm, 4 units off      55%          28%
``exp(x)``            other algorithm, 1 unit off       15%          15%
``tanh(x)``           other algorithm, 4 units off      55%          52%
===================== ================================= ============ ===========

Differences of variables, comparisons, ``floor``, ``sqrt``, quotients of variables, and
products that nothing is added to stay as they are written.

The functions below keep what matters. Where the order of operations alone can do it,
do it there: ``v + max(J * dt, 0)`` has nothing to be fused, ``v + max(J, 0) * dt`` has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from math import factorial

import numpy as np
import tensorflow as tf

# Beyond this many terms a series costs more than the library's function.
_MAX_DEGREE = 24


def rounded(value: tf.Tensor) -> tf.Tensor:
    """Round a value before it enters a sum or another product.

    A selection is what XLA's code generators cannot see through; a change of type and
    back, or a maximum with minus infinity, are removed before a product and a sum are
    fused. It costs an instruction or two.

    Parameters
    ----------
    value : tf.Tensor
        A product, or a sum with a constant, of floating point type.

    Returns
    -------
    rounded : tf.Tensor
        The same, of the same shape.
    """
    return tf.where(tf.math.is_nan(value), tf.constant(np.nan, value.dtype), value)


def rounded_product(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Multiply, and round before the product enters a sum.

    Parameters
    ----------
    a, b : tf.Tensor
        Factors of one floating point type, with shapes that broadcast.

    Returns
    -------
    product : tf.Tensor
        ``a * b``, rounded once.

    Examples
    --------
    >>> import tensorflow as tf
    >>> from nengo_dl_core.numerics import rounded_product
    >>> with_two_roundings = tf.function(
    ...     lambda a, b, c: rounded_product(a, b) + c, jit_compile=True
    ... )
    >>> a = tf.constant(0.1, tf.float64)
    >>> float(with_two_roundings(a, a, -a * a))
    0.0
    """
    return rounded(a * b)


def quotient(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Divide, also where the divisor is constant.

    Compilers multiply by the reciprocal of a constant, which has a rounding of its own.

    Parameters
    ----------
    a, b : tf.Tensor
        Dividend and divisor of one floating point type, with shapes that broadcast.

    Returns
    -------
    quotient : tf.Tensor
        ``a / b``, rounded once.
    """
    return a / (b * _hidden_one(a))


def stored(value: tf.Tensor) -> tf.Tensor:
    """Compute a value once, however many results depend on it.

    On a CPU XLA writes one loop over the elements for every result, and computes in it
    whatever the result depends on: three results of one neuron model repeat their
    common part three times, and every state they start from has to be copied, since
    the last loop still needs it. Only operations that XLA takes for expensive are left
    out of the loops, and a division is one. The machine code contains none, since the
    code generator finds that the divisor is one. A step of LIF neurons takes a third of
    the time.

    Parameters
    ----------
    value : tf.Tensor
        Value of floating point type that several results depend on.

    Returns
    -------
    stored : tf.Tensor
        The same.
    """
    return value / _hidden_one(value)


def _hidden_one(value: tf.Tensor) -> tf.Tensor:
    """Make a scalar one that XLA does not know to be constant: a bit is at most one."""
    integer = {2: tf.int16, 4: tf.int32, 8: tf.int64}[value.dtype.size]
    bits = tf.bitcast(tf.reshape(value, (-1,))[0], integer)
    one = tf.constant(1, integer)
    return tf.cast(tf.bitwise.bitwise_and(bits, one) <= one, value.dtype)


def expm1_within(x: tf.Tensor, bound: float) -> tf.Tensor:
    """Compute ``exp(x) - 1`` of small arguments.

    The Taylor series ``x + x^2 (1/2! + x (1/3! + ...))``, of as many terms as the type
    needs. Leaving out what follows the term of degree ``n`` makes a relative error of
    at most ``bound^n / (n + 1)!``. The first term is added last, so that the sum is
    rounded but once: up to a bound of 0.1 the result is the correctly rounded one in 99
    of 100 cases, as NumPy's is. (XLA's own function: in 45, and up to four units off.)

    Parameters
    ----------
    x : tf.Tensor
        Arguments.
    bound : float
        Largest absolute value of the arguments. Beyond that the result is inexact.

    Returns
    -------
    expm1 : tf.Tensor
        Values of the shape of ``x``.
    """
    if bound > 1:
        return tf.math.expm1(x)
    degree = _degree(x.dtype, lambda n: bound**n / factorial(n + 1))
    if degree > _MAX_DEGREE:
        return tf.math.expm1(x)
    return x + x * x * _polynomial(x, [1 / factorial(n) for n in range(2, degree + 1)])


def log1p_within(x: tf.Tensor, bound: float) -> tf.Tensor:
    """Compute ``log(1 + x)`` of small arguments.

    The Taylor series ``x + x^2 (-1/2 + x (1/3 - ...))``, of as many terms as the type
    needs. Leaving out what follows the term of degree ``n`` makes a relative error of
    at most ``bound^n / ((n + 1) (1 - bound))``.

    Parameters
    ----------
    x : tf.Tensor
        Arguments.
    bound : float
        Largest absolute value of the arguments. Beyond that the result is inexact.

    Returns
    -------
    log1p : tf.Tensor
        Values of the shape of ``x``.
    """
    if bound >= 1:
        return tf.math.log1p(x)
    degree = _degree(x.dtype, lambda n: bound**n / ((n + 1) * (1 - bound)))
    if degree > _MAX_DEGREE:
        return tf.math.log1p(x)
    terms = [(-1) ** (n + 1) / n for n in range(2, degree + 1)]
    return x + x * x * _polynomial(x, terms)


def _degree(dtype: tf.DType, error: Callable[[int], float]) -> int:
    """Find the degree at which the relative error is far below the last place."""
    limit = np.finfo(dtype.as_numpy_dtype).eps / 16
    return next(degree for degree in count(1) if error(degree) < limit)


def _polynomial(x: tf.Tensor, coefficients: Sequence[float]) -> tf.Tensor:
    """Evaluate ``coefficients[0] + coefficients[1] * x + ...`` by Horner's rule."""
    value = tf.zeros([], x.dtype)
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value
