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
products that nothing is added to stay as they are written. Whether there is a fused
operation, and which algorithms functions have, NumPy's included, depends on the
processor; the rest does not.

How many operations there are decides about threads, too. XLA divides a loop over
elements among threads if it does more operations than it reads and writes bytes, from
1,000 elements on, though a loop of microseconds waits longer for a thread than it
gains: with three operations less, and so in one thread, a step of networks of LIF
neurons takes half to two thirds of the time. Otherwise it divides loops that read and
write half a megabyte, which do gain.

The functions below keep what matters. Where the order of operations alone can do it,
do it there: ``v + max(J * dt, 0)`` has nothing to be fused, ``v + max(J, 0) * dt`` has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import cache
from itertools import count
from math import factorial, log
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from numpy.polynomial import chebyshev, polynomial

from nengo_dl_core import tuning


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
    return tf.where(tf.math.is_nan(value), constant(np.nan, value.dtype), value)


def constant(value: float | Sequence[int], dtype: tf.DType = tf.int32) -> tf.Tensor:
    """Make a constant, once in a graph such as that of a step.

    Half of what TensorFlow traces would otherwise be constants: shapes, sizes and axes.

    Parameters
    ----------
    value : float or list of int
        Its value.
    dtype : tf.DType
        Its type.

    Returns
    -------
    constant : tf.Tensor
        The constant, of shape ``()`` or ``(n,)``.
    """
    return _once(f"constant_{value}_{dtype.name}", lambda: tf.constant(value, dtype))


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
    >>> from nengo_dl_core.builders.numerics import rounded_product
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


def hide_one(number: tf.Tensor) -> None:
    """Let `stored` and `quotient` find their one in the number of a step.

    Otherwise they find it in a value, and XLA writes no vector instructions for a loop
    that reads one of the elements that it computes for all others.

    Parameters
    ----------
    number : tf.Tensor
        An integer that the compiler does not know, such as the number of the step that
        the present graph computes.
    """
    _once("unknown_integer", lambda: number)


def _hidden_one(value: tf.Tensor) -> tf.Tensor:
    """Make a scalar one that XLA does not know to be constant."""
    return _once(f"hidden_one_{value.dtype.name}", lambda: _bit_at_most_one(value))


def _once(name: str, make: Callable[[], tf.Tensor]) -> tf.Tensor:
    """Make a tensor, or return the one of this name that the graph already has."""
    if tf.executing_eagerly():
        return make()
    graph, name = tf.compat.v1.get_default_graph(), f"nengo_dl_{name}"
    if not hasattr(graph, name):
        setattr(graph, name, make())
    tensor: tf.Tensor = getattr(graph, name)
    return tensor


def _bit_at_most_one(value: tf.Tensor) -> tf.Tensor:
    """Whether a bit is at most one, which it is."""
    integer = {2: tf.int16, 4: tf.int32, 8: tf.int64}[value.dtype.size]
    bits = _once(
        "unknown_integer", lambda: tf.bitcast(tf.reshape(value, (-1,))[0], integer)
    )
    one = tf.constant(1, bits.dtype)
    return tf.cast(tf.bitwise.bitwise_and(bits, one) <= one, value.dtype)


def expm1_above(lowest: float, x: tf.Tensor) -> tf.Tensor:
    """Compute ``exp(x) - 1`` of arguments between a small negative number and zero.

    Parameters
    ----------
    lowest : float
        Lower bound of the arguments.
    x : tf.Tensor
        Arguments. Outside of the bounds the result is inexact.

    Returns
    -------
    expm1 : tf.Tensor
        Values of the shape of ``x``. Down to a bound of -0.1 they are the correctly
        rounded ones in 99 of 100 cases, as NumPy's are. (XLA's own function: in 45, and
        up to four units off.)
    """
    if lowest < tuning.LOWEST_ARGUMENT:
        return tf.math.expm1(x)
    return _series(_expm1_term, lowest, x)


def log1p_above(lowest: float, x: tf.Tensor) -> tf.Tensor:
    """Compute ``log(1 + x)`` of arguments between a small negative number and zero.

    Parameters
    ----------
    lowest : float
        Lower bound of the arguments.
    x : tf.Tensor
        Arguments. Outside of the bounds the result is inexact.

    Returns
    -------
    log1p : tf.Tensor
        Values of the shape of ``x``, as exact as those of `expm1_above`.
    """
    if lowest < tuning.LOWEST_ARGUMENT:
        return tf.math.log1p(x)
    return _series(_log1p_term, lowest, x)


def log1p_of_reciprocal(x: tf.Tensor, compiled: bool) -> tf.Tensor:
    """Compute ``log(1 + 1 / x)`` of positive arguments.

    XLA's own function computes several polynomials, and takes twice as long. Here
    the argument of the logarithm becomes ``2^e y`` with ``y`` around one: with
    ``x' = 2^e x``, which is at least one,

        log(1 + 1 / x) = e log 2 + 2 artanh(s),  s = (1 + x - x') / (1 + x + x').

    Where ``x`` is at least one, ``e`` is zero, and ``1 + x - x'`` one, so that nothing
    cancels.

    Parameters
    ----------
    x : tf.Tensor
        Normal positive arguments.
    compiled : bool
        Whether a compiler makes one loop over the elements of it. If not, and in other
        than single precision, TensorFlow's function computes it.

    Returns
    -------
    log1p : tf.Tensor
        Values of the shape of ``x``, at most two units in the last place off.
    """
    if not compiled or x.dtype != tf.float32:
        return tf.math.log1p(1 / x)

    @tf.custom_gradient
    def log1p(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        bits = tf.bitcast(x, tf.int32)
        bias, n_bits = constant(127), constant(23)
        e = tf.maximum(bias - tf.bitwise.right_shift(bits, n_bits), constant(0))
        scaled = tf.bitcast(bits + tf.bitwise.left_shift(e, n_bits), x.dtype)
        near_one = tf.where(e > 0, 1 + (x - scaled), tf.ones([], x.dtype))
        s = near_one / ((1 + x) + scaled)
        twice = 2 * s
        series = _polynomial(_artanh_term, 1 / 9, s * s)
        value = twice + twice * (s * s * series)
        log2 = constant(log(2), x.dtype)
        return tf.cast(e, x.dtype) * log2 + value, lambda dy: -dy / (x * (1 + x))

    return log1p(x)


def _artanh_term(n: int) -> Fraction:
    """Of ``s artanh(s)``, a power series of ``s^2``."""
    return Fraction(1, 2 * n - 1)


def _expm1_term(n: int) -> Fraction:
    return Fraction(1, factorial(n))


def _log1p_term(n: int) -> Fraction:
    return Fraction((-1) ** (n + 1), n)


def _series(term: Callable[[int], Fraction], lowest: float, x: tf.Tensor) -> tf.Tensor:
    """Sum up ``x + term(2) x^2 + term(3) x^3 + ...``.

    The first term is added last, so that the result is rounded but once.
    """
    return x + x * x * _polynomial(term, lowest, x)


def _polynomial(
    term: Callable[[int], Fraction], bound: float, x: tf.Tensor
) -> tf.Tensor:
    """Sum up ``term(2) + term(3) x + ...`` between zero and a bound."""
    eps = float(np.finfo(x.dtype.as_numpy_dtype).eps)
    *others, value = [
        constant(coefficient, x.dtype)
        for coefficient in _coefficients(term, bound, eps)
    ]
    for coefficient in reversed(others):
        value = value * x + coefficient
    return value


@cache
def _coefficients(
    term: Callable[[int], Fraction], bound: float, eps: float
) -> list[float]:
    """Find a short polynomial ``q``, so that ``x + x^2 q(x)`` is a power series.

    This is Lanczos' economisation. With ``x = (1 - u) bound / 2`` the variable ``u``
    is between -1 and 1, where no Chebyshev polynomial is larger than one. So if the
    Taylor polynomial is written as a sum of Chebyshev polynomials of ``u``, those of
    highest degree can be left out, until the sum of their coefficients reaches the
    error that is allowed: a small part of the last place of the result, which is about
    ``x``. Of the 13 terms of a logarithm above -0.05 in float64, 9 are left. Fractions
    are used because going from one basis to another loses digits.
    """
    end = Fraction(bound)
    last = next(n for n in count(2) if abs(term(n) * end ** (n - 1)) < eps / 128)
    taylor = [term(n) for n in range(2, last + 1)]
    terms = chebyshev.poly2cheb(_composed(taylor, [end / 2, -end / 2]))
    errors = np.cumsum(np.abs(terms[::-1]))[::-1]
    terms = terms[: max(1, np.count_nonzero(errors * abs(end) > eps / 32))]
    return [float(c) for c in _composed(chebyshev.cheb2poly(terms), [1, -2 / end])]


def _composed(outer: Iterable[Any], inner: Sequence[Any]) -> npt.NDArray[Any]:
    """Insert a polynomial into another, both given by their coefficients."""
    result = np.array([Fraction(0)], dtype=object)
    for coefficient in list(outer)[::-1]:
        result = polynomial.polymul(result, np.array(inner, dtype=object))
        result = polynomial.polyadd(result, np.array([coefficient], dtype=object))
    return result
