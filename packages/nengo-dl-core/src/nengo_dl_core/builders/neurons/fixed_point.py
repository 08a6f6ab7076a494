"""Build of neurons whose currents and voltages are integers.

The integers are in float64, where all of their sums and products are exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
from nengo.builder.operator import Operator

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder, TFNeuronBuilder
from nengo_dl_core.builders.neurons.lif import LIFBuilder
from nengo_dl_core.builders.neurons.rectified import SpikingRectifiedLinearBuilder
from nengo_dl_core.builders.rounding import nearest_integer
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.network.fixed_point import (
    FixedPointLIF,
    FixedPointRectifiedLinear,
)


@SimNeuronsBuilder.register(FixedPointRectifiedLinear)
class FixedPointRectifiedLinearBuilder(SpikingRectifiedLinearBuilder):
    """Compute `FixedPointRectifiedLinear`.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Collect the parameters; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.integers = _Integers(self, self.ops, signals)

    def step(  # type: ignore[override]
        self, J: tf.Tensor, dt: float, voltage: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute spikes and voltage; see `TFNeuronBuilder.step`."""
        integers = self.integers
        v = integers.voltages(voltage) + integers.scaled(
            tf.nn.relu(integers.currents(J))
        )
        v = integers.limited(v) / integers.unit
        n_spikes = tf.floor(v)
        nearest = tf.stop_gradient(tf.maximum(tf.round(v), 1))
        output = self.with_surrogate(
            v - nearest, self.spike_height * n_spikes, self.spike_height
        )
        return output, v - n_spikes


@SimNeuronsBuilder.register(FixedPointLIF)
class FixedPointLIFBuilder(LIFBuilder):
    """Compute `FixedPointLIF`.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Collect the parameters; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.integers = _Integers(self, self.ops, signals)
        self.lowest = self.constant(signals, lambda neurons: neurons.lowest)

    def step(  # type: ignore[override]
        self, J: tf.Tensor, dt: float, voltage: tf.Tensor, refractory_time: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Compute spikes and voltage; see `TFNeuronBuilder.step`."""
        integers, zero = self.integers, tf.zeros([], J.dtype)
        v = integers.voltages(voltage)
        v = integers.limited(v + integers.scaled(integers.currents(J) - v))
        spiked = v > integers.unit
        output = tf.where(spiked, self.spike_height, zero)
        return (
            self.with_surrogate(v / integers.unit - 1, output, self.spike_height),
            tf.where(spiked, zero, tf.maximum(v, self.lowest) / integers.unit),
            refractory_time,
        )


class _Integers:
    """The integers of a group of neurons.

    Parameters
    ----------
    builder : TFNeuronBuilder
        The builder of the group.
    ops : list of nengo.builder.neurons.SimNeurons
        Its operators.
    signals : SignalDict
        Environment.
    """

    def __init__(
        self, builder: TFNeuronBuilder, ops: Sequence[Operator], signals: SignalDict
    ) -> None:
        dt = signals.dt
        self._current_bounds = ops[0].neurons.currents.bounds  # the same for all
        self.unit = builder.constant(signals, lambda x: 2.0**x.voltages.fraction)
        self._factor = builder.constant(signals, lambda x: x.factor(dt)[0])
        self._shift = builder.constant(signals, lambda x: 2.0 ** -x.factor(dt)[1])
        self._bounds = [
            builder.constant(signals, lambda x, i=i: x.voltages.bounds[i])  # type: ignore[misc]
            for i in range(2)
        ]

    def currents(self, J: tf.Tensor) -> tf.Tensor:
        """Count the units in currents."""
        return tf.clip_by_value(nearest_integer(J * self.unit), *self._current_bounds)

    def voltages(self, voltage: tf.Tensor) -> tf.Tensor:
        """Count the units in voltages."""
        return self.limited(nearest_integer(voltage * self.unit))

    def limited(self, v: tf.Tensor) -> tf.Tensor:
        """Put voltages that are too large or small to the end of the range."""
        low, high = self._bounds
        return tf.minimum(tf.maximum(v, low), high)

    def scaled(self, integers: tf.Tensor) -> tf.Tensor:
        """Multiply by what a step takes of a current, and round."""
        return nearest_integer(integers * self._factor * self._shift)
