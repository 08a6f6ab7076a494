"""Build of `nengo.RectifiedLinear` and `nengo.SpikingRectifiedLinear`."""

from __future__ import annotations

import nengo
import tensorflow as tf

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder, TFNeuronBuilder
from nengo_dl_core.builders.neurons.integrate_and_fire import integrate_and_fire
from nengo_dl_core.builders.signals import SignalDict


@SimNeuronsBuilder.register(nengo.RectifiedLinear)
class RectifiedLinearBuilder(TFNeuronBuilder):
    """Compute ``amplitude * max(J, 0)``.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Collect the parameters; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.amplitude = self.constant(signals, lambda neurons: neurons.amplitude)

    def step(  # type: ignore[override]
        self, J: tf.Tensor, dt: float
    ) -> tf.Tensor:
        """Compute the rates; see `TFNeuronBuilder.step`."""
        return self.amplitude * tf.nn.relu(J)


@SimNeuronsBuilder.register(nengo.SpikingRectifiedLinear)
class SpikingRectifiedLinearBuilder(RectifiedLinearBuilder):
    """Integrate ``max(J, 0)``, and spike whenever the integral passes an integer.

    In training the output is the rate, ``amplitude * max(J, 0)``.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    spiking = True
    has_surrogate = True

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Collect the parameters; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.spike_height = self.constant(
            signals, lambda neurons: neurons.amplitude / signals.dt
        )

    def step(  # type: ignore[override]
        self, J: tf.Tensor, dt: float, voltage: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute spikes and voltage; see `TFNeuronBuilder.step`."""
        return integrate_and_fire(
            voltage, tf.nn.relu(J) * dt, self.spike_height, self.with_surrogate
        )

    def training_step(self, J: tf.Tensor, dt: float, **state: tf.Tensor) -> tf.Tensor:
        """Compute the rates; see `TFNeuronBuilder.training_step`."""
        return super().step(J, dt)
