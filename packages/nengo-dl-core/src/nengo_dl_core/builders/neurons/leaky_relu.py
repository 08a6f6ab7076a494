"""Build of `nengo_dl_core.LeakyReLU` and `nengo_dl_core.SpikingLeakyReLU`."""

from __future__ import annotations

import tensorflow as tf

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder, TFNeuronBuilder
from nengo_dl_core.builders.neurons.integrate_and_fire import integrate_and_fire
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.neurons import LeakyReLU, SpikingLeakyReLU


@SimNeuronsBuilder.register(LeakyReLU)
class LeakyReLUBuilder(TFNeuronBuilder):
    """Compute ``amplitude * J``, times ``negative_slope`` where ``J < 0``.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Collect the parameters; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.amplitude = self.constant(signals, lambda neurons: neurons.amplitude)
        self.slope = self.constant(signals, lambda neurons: neurons.negative_slope)

    def step(  # type: ignore[override]
        self, J: tf.Tensor, dt: float
    ) -> tf.Tensor:
        """Compute the rates; see `TFNeuronBuilder.step`."""
        return self.amplitude * self.leaky(J)

    def leaky(self, J: tf.Tensor) -> tf.Tensor:
        """Scale negative currents."""
        return tf.where(J < 0, self.slope * J, J)


@SimNeuronsBuilder.register(SpikingLeakyReLU)
class SpikingLeakyReLUBuilder(LeakyReLUBuilder):
    """Integrate the scaled currents, and spike when the integral passes an integer.

    In training the output is that of `LeakyReLU`.

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
            voltage,
            self.leaky(J) * dt,
            self.spike_height,
            self.with_surrogate,
            negative=True,
        )

    def training_step(self, J: tf.Tensor, dt: float, **state: tf.Tensor) -> tf.Tensor:
        """Compute the rates; see `TFNeuronBuilder.training_step`."""
        return super().step(J, dt)
