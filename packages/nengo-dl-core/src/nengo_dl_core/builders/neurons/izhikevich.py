"""Build of `nengo.Izhikevich`."""

from __future__ import annotations

import nengo
import tensorflow as tf

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder, TFNeuronBuilder
from nengo_dl_core.builders.numerics import rounded, rounded_product, stored
from nengo_dl_core.builders.signals import SignalDict


@SimNeuronsBuilder.register(nengo.Izhikevich)
class IzhikevichBuilder(TFNeuronBuilder):
    """Compute Izhikevich neurons as Nengo does.

    They have no rate equation: in training they spike too, and nothing can be learned
    through them.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    differentiable = False

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Collect the parameters; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.tau_recovery = self.constant(signals, lambda nrn: nrn.tau_recovery)
        self.coupling = self.constant(signals, lambda nrn: nrn.coupling)
        self.reset_voltage = self.constant(signals, lambda nrn: nrn.reset_voltage)
        self.reset_recovery = self.constant(signals, lambda nrn: nrn.reset_recovery)

    def step(  # type: ignore[override]
        self, J: tf.Tensor, dt: float, voltage: tf.Tensor, recovery: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Compute spikes, voltage and recovery; see `TFNeuronBuilder.step`.

        The solution is unstable, so that every rounding is that of the reference.
        """
        J = tf.maximum(J, -30)
        change = rounded(0.04 * rounded(voltage * voltage)) + rounded(5 * voltage)
        change = change + 140 - recovery + J
        voltage = stored(voltage + rounded(rounded(change * 1000) * dt))
        spiked = voltage >= 30
        voltage = tf.where(spiked, self.reset_voltage, voltage)
        change = rounded_product(self.coupling, voltage) - recovery
        change = rounded(rounded_product(self.tau_recovery, change) * 1000)
        recovery += rounded(change * dt)
        return (
            tf.cast(spiked, J.dtype) * (1 / dt),
            voltage,
            tf.where(spiked, recovery + self.reset_recovery, recovery),
        )
