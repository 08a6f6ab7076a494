"""Build of adaptive LIF neurons: AdaptiveLIFRate, AdaptiveLIF."""

from __future__ import annotations

import nengo
import tensorflow as tf

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder
from nengo_dl_core.builders.neurons.lif import LIFBuilder, LIFRateBuilder
from nengo_dl_core.builders.numerics import rounded_product
from nengo_dl_core.builders.signals import SignalDict


class _Adaptation:
    """Compute ``tau_n dn/dt = inc_n * output - n``, with the parameters of a group.

    Parameters
    ----------
    builder : LIFRateBuilder
        Builder of neurons with the parameters ``tau_n`` and ``inc_n``.
    signals : SignalDict
        Environment.
    """

    def __init__(self, builder: LIFRateBuilder, signals: SignalDict) -> None:
        self.rate = builder.constant(signals, lambda nrn: signals.dt / nrn.tau_n)
        self.increment = builder.constant(signals, lambda nrn: nrn.inc_n)

    def step(self, adaptation: tf.Tensor, output: tf.Tensor) -> tf.Tensor:
        """Compute the new adaptation, ``(minibatch_size, n_neurons)``."""
        change = rounded_product(self.increment, output) - adaptation
        return adaptation + rounded_product(self.rate, change)


@SimNeuronsBuilder.register(nengo.AdaptiveLIFRate)
class AdaptiveLIFRateBuilder(LIFRateBuilder):
    """Compute the LIF rate equation of ``J - adaptation``.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Collect the parameters; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.adaptation = _Adaptation(self, signals)

    def step(  # type: ignore[override]
        self, J: tf.Tensor, dt: float, adaptation: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute rates and adaptation; see `TFNeuronBuilder.step`."""
        output = self.rates(J - adaptation)
        return output, self.adaptation.step(adaptation, output)


@SimNeuronsBuilder.register(nengo.AdaptiveLIF)
class AdaptiveLIFBuilder(LIFBuilder):
    """Compute LIF neurons with the input ``J - adaptation``.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Collect the parameters; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.adaptation = _Adaptation(self, signals)

    def step(  # type: ignore[override]
        self,
        J: tf.Tensor,
        dt: float,
        voltage: tf.Tensor,
        refractory_time: tf.Tensor,
        adaptation: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Compute spikes and state; see `TFNeuronBuilder.step`."""
        spikes, *state = super().step(J - adaptation, dt, voltage, refractory_time)
        return spikes, *state, self.adaptation.step(adaptation, spikes)

    def training_step(self, J: tf.Tensor, dt: float, **state: tf.Tensor) -> tf.Tensor:
        """Compute the rates; see `TFNeuronBuilder.training_step`."""
        return super().training_step(J - state["adaptation"], dt)
