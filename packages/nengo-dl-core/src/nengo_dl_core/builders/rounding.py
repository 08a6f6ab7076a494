"""Rounds to numbers of few bits, and lets gradients pass."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch

import tensorflow as tf
from nengo.builder.operator import Operator

from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.given_gradients import with_gradient_of
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.network.quantization import Round
from nengo_dl_core.quantization import (
    SMALLEST_EXPONENT,
    FixedPoint,
    Format,
    WeightFormat,
)

_EXPONENT = 0x7FF0000000000000
"""The bits of the exponent of a number in float64."""


def nearest_integer(values: tf.Tensor) -> tf.Tensor:
    """Round to the nearest integer, halves up, with the derivative 1.

    Parameters
    ----------
    values : tf.Tensor
        Values of floating point type.

    Returns
    -------
    integers : tf.Tensor
        Of the same shape and type.
    """
    return with_gradient_of(values, tf.floor(values + 0.5))


@singledispatch
def rounded(number_format: Format, values: tf.Tensor) -> tf.Tensor:
    """Round values, exactly as the format does in NumPy, with the derivative 1.

    Parameters
    ----------
    number_format : WeightFormat or FixedPoint
        The numbers to round to.
    values : tf.Tensor
        The values, in float64.

    Returns
    -------
    rounded : tf.Tensor
        Of the same shape.
    """
    raise NotImplementedError(number_format)


@rounded.register
def _(number_format: WeightFormat, values: tf.Tensor) -> tf.Tensor:
    largest = tf.reduce_max(
        tf.abs(values),
        [a % max(values.shape.rank, 1) for a in number_format.axes],
        True,
    )
    # a number without its mantissa is a power of two
    power = tf.bitcast(
        tf.bitwise.bitwise_and(
            tf.bitcast(largest, tf.int64), tf.constant(_EXPONENT, tf.int64)
        ),
        tf.float64,
    )
    unit = tf.maximum(power * 2.0 ** (2 - number_format.bits), 2.0**SMALLEST_EXPONENT)
    top = 2.0 ** (number_format.bits - 1) - 1
    integers = tf.clip_by_value(tf.floor(values / unit + 0.5), -top, top)
    return with_gradient_of(values, integers * unit)


@rounded.register
def _(number_format: FixedPoint, values: tf.Tensor) -> tf.Tensor:
    unit = 2.0**-number_format.fraction
    integers = tf.floor(values / unit + 0.5)
    limited = tf.clip_by_value(integers, *number_format.bounds)
    return with_gradient_of(values, limited * unit)


@Builder.register(Round)
class RoundBuilder(OpBuilder):
    """Round what goes into a network.

    Parameters
    ----------
    ops : tuple of Round
        The operators of the group, of one format.
    """

    def steps_are_items(self, config: BuildConfig) -> bool:
        """Steps are items; see `OpBuilder.steps_are_items`."""
        return True

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look the signals up; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.src = signals.combine([op.src for op in self.ops])
        self.dst = signals.combine([op.dst for op in self.ops])
        self.read: Callable[[SignalDict], tf.Tensor] = signals.reader(self.src)

    def build_step(self, signals: SignalDict) -> None:
        """Round; see `OpBuilder.build_step`."""
        value = rounded(self.ops[0].number_format, self.read(signals))
        signals.scatter(self.dst, value)

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Operators of one format merge; see `OpBuilder.mergeable`."""
        return bool(x.number_format == y.number_format)
