"""Build of leaky integrate-and-fire neurons: LIFRate, SoftLIFRate, LIF."""

from __future__ import annotations

import math

import nengo
import tensorflow as tf
from nengo.builder.neurons import SimNeurons

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.given_gradients import with_derivative
from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder, TFNeuronBuilder
from nengo_dl_core.builders.numerics import (
    expm1_above,
    log1p_above,
    log1p_of_reciprocal,
    quotient,
    rounded,
    rounded_product,
    stored,
)
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.neurons import SoftLIFRate


@SimNeuronsBuilder.register(nengo.LIFRate)
class LIFRateBuilder(TFNeuronBuilder):
    """Compute ``amplitude / (tau_ref + tau_rc * log1p(1 / (J - 1)))`` where ``J > 1``.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    is_long = True

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Collect the parameters; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.tau_rc = self.constant(signals, lambda neurons: neurons.tau_rc)
        self.tau_ref = self.constant(signals, lambda neurons: neurons.tau_ref)
        self.amplitude = self.constant(signals, lambda neurons: neurons.amplitude)

    def step(  # type: ignore[override]
        self, J: tf.Tensor, dt: float
    ) -> tf.Tensor:
        """Compute the rates; see `TFNeuronBuilder.step`."""
        return self.rates(J)

    def rates(self, J: tf.Tensor) -> tf.Tensor:
        """Compute the rate equation.

        Its derivative is zero, and not infinite, where the neurons are silent. It is
        written down, since compilers find a longer way.

        Parameters
        ----------
        J : tf.Tensor
            Input currents, ``(minibatch_size, n_neurons)``.

        Returns
        -------
        rates : tf.Tensor
            Firing rates times amplitude, in Hz.
        """
        if not self.config.training:
            return self._rates(J)
        if self.config.contracts:  # compiled with what the currents come from
            J = stored(J)  # for the rates and for their derivative
        return with_derivative(self._slope, J, self._rates(J), self.amplitude)

    def _rates(self, J: tf.Tensor) -> tf.Tensor:
        _, interval = self._intervals(J)
        return tf.where(J > 1, self.amplitude / interval, tf.zeros([], J.dtype))

    def _slope(self, J: tf.Tensor) -> tf.Tensor:
        """The derivative of the rate equation, for an amplitude of one."""
        j, interval = self._intervals(J)
        slope = self.tau_rc / ((j * interval) * ((j + 1) * interval))
        return tf.where(J > 1, slope, tf.zeros([], J.dtype))

    def _intervals(self, J: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """What the input current exceeds the threshold by, and time between spikes.

        Both are those of another current where neurons are silent.
        """
        j = J - 1
        j = tf.where(j > 0, j, tf.ones([], j.dtype))
        log1p = log1p_of_reciprocal(j, self.config.compiled)
        return j, self.tau_ref + rounded_product(self.tau_rc, log1p)

    def soft_rates(self, J: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
        """Compute the smoothed rate equation of `SoftLIFRate`.

        With ``z = sigma * log(1 + exp((J - 1) / sigma))`` in place of ``J - 1`` the
        logarithm is ``log1p(1 / z)``. Far below the threshold ``z`` approaches
        ``sigma * exp((J - 1) / sigma)``, and the logarithm ``-log(z)``; at the bound
        that is used here both agree to the last place of float64, and ``1 / z``
        is finite even in float32.

        Parameters
        ----------
        J : tf.Tensor
            Input currents, ``(minibatch_size, n_neurons)``.
        sigma : tf.Tensor
            Amount of smoothing.

        Returns
        -------
        rates : tf.Tensor
            Firing rates times amplitude, in Hz.
        """
        x = (J - 1) / sigma
        near = x > -36
        z = sigma * tf.math.softplus(tf.where(near, x, tf.zeros([], x.dtype)))
        log1p = log1p_of_reciprocal(z, self.config.compiled)
        isi = tf.where(near, log1p, -x - tf.math.log(sigma))
        return self.amplitude / (self.tau_ref + rounded_product(self.tau_rc, isi))


@SimNeuronsBuilder.register(SoftLIFRate)
class SoftLIFRateBuilder(LIFRateBuilder):
    """Compute the smoothed LIF rate equation.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Collect the parameters; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.sigma = self.constant(signals, lambda neurons: neurons.sigma)

    def step(  # type: ignore[override]
        self, J: tf.Tensor, dt: float
    ) -> tf.Tensor:
        """Compute the rates; see `TFNeuronBuilder.step`."""
        return self.soft_rates(J, self.sigma)


@SimNeuronsBuilder.register(nengo.LIF)
class LIFBuilder(LIFRateBuilder):
    """Compute leaky integrate-and-fire neurons as Nengo does.

    In training the output is the rate, smoothed if ``lif_smoothing`` is set. A
    surrogate gradient goes through the voltage; how long a neuron is refractory counts
    as given.

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
        self.min_voltage = self.constant(signals, lambda neurons: neurons.min_voltage)
        self.spike_height = self.constant(
            signals, lambda neurons: neurons.amplitude / signals.dt
        )
        self.lowest_leak = min(-signals.dt / op.neurons.tau_rc for op in self.ops)
        # Let a neuron start a step at the voltage v <= 1 and reach v' > 1. From
        # v' = J - (J - v) exp(-t / tau_rc) follows
        #   (v' - 1) / (1 - J) >= exp(-t / tau_rc) - 1,
        # and a step leaves no voltage above 1. Only initial ones can be.
        self.at_most_one = all(map(starts_below_threshold, self.ops))
        self.lowest_overshoot = self.lowest_leak if self.at_most_one else -math.inf

    def step(  # type: ignore[override]
        self, J: tf.Tensor, dt: float, voltage: tf.Tensor, refractory_time: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Compute spikes, voltage, refractory time; see `TFNeuronBuilder.step`."""
        zero = tf.zeros([], J.dtype)
        refractory_time = rounded(refractory_time - dt)
        # Minus the part t of the step in which a neuron is not refractory
        minus_t = tf.clip_by_value(refractory_time - dt, -dt, 0)
        # v(t) = v(0) + (J - v(0)) (1 - exp(-t / tau_rc)), for constant J
        leak = expm1_above(self.lowest_leak, quotient(minus_t, self.tau_rc))
        voltage = stored(voltage - rounded_product(J - voltage, leak))
        spiked = voltage > 1
        # v(t) = 1, solved for the time from t to the end of the step
        overshoot = log1p_above(self.lowest_overshoot, (voltage - 1) / (1 - J))
        # Minus the time since the spike. Its bound, and the choice below, keep product
        # and sums from being fused, by fewer operations than `rounded` has
        minus_rest = self.tau_rc * overshoot
        if self.at_most_one:
            minus_rest = tf.minimum(minus_rest, zero)
        else:
            minus_rest = rounded(minus_rest)
        spike_time = tf.where(spiked, dt + minus_rest, zero)
        output = tf.where(spiked, self.spike_height, zero)
        refractory_time = tf.where(spiked, self.tau_ref + spike_time, refractory_time)
        return (
            self.with_surrogate(voltage - 1, output, self.spike_height),
            tf.where(spiked, zero, tf.maximum(voltage, self.min_voltage)),
            tf.stop_gradient(refractory_time),
        )

    def training_step(self, J: tf.Tensor, dt: float, **state: tf.Tensor) -> tf.Tensor:
        """Compute the rates; see `TFNeuronBuilder.training_step`."""
        if self.config.lif_smoothing:
            return self.soft_rates(J, tf.constant(self.config.lif_smoothing, J.dtype))
        return self.rates(J)


def starts_below_threshold(op: SimNeurons) -> bool:
    """Whether no voltage is above one at first, on which depends how LIF is computed.

    Parameters
    ----------
    op : nengo.builder.neurons.SimNeurons
        Operator of neurons of any type.

    Returns
    -------
    below : bool
        True also for neurons without a voltage.
    """
    voltage = op.state.get("voltage")
    return voltage is None or bool(voltage.initial_value.max() <= 1)
