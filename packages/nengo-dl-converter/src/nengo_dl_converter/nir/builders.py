"""Build of NIR's neurons with TensorFlow; importing it registers them.

Products are rounded before they enter sums, as NumPy rounds them: a bit can decide
whether a neuron spikes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from nengo_dl_core import (
    BuildConfig,
    SignalDict,
    SimNeuronsBuilder,
    TFNeuronBuilder,
    rounded_product,
    stored,
)

from .neurons import (
    IntegrateAndFire,
    Integrator,
    LeakyIntegrateAndFire,
    LeakyIntegrator,
    Threshold,
)

_FAR = 1e30


class NIRNeuronBuilder(TFNeuronBuilder):
    """Base of the builders in this module.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Check the length of a step; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        for op in self.ops:
            op.neurons.check_dt(signals.dt)

    def per_neuron(
        self, signals: SignalDict, parameter: Callable[[Any], Any]
    ) -> tf.Tensor:
        """Collect a parameter that has a value for each neuron.

        Parameters
        ----------
        signals : SignalDict
            Environment.
        parameter : callable
            Gives the parameter of a neuron type instance, ``(n_neurons,)``.

        Returns
        -------
        values : tf.Tensor
            Its values, ``(1, n_neurons)``.
        """
        values = [np.broadcast_to(parameter(op.neurons), op.J.size) for op in self.ops]
        return tf.constant(np.concatenate(values)[None], signals.dtype)


@SimNeuronsBuilder.register(Threshold)
class ThresholdBuilder(NIRNeuronBuilder):
    """Compute where the input is above the threshold.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Collect the parameters; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.threshold = self.per_neuron(signals, lambda neurons: neurons.threshold)

    def step(  # type: ignore[override]
        self, J: tf.Tensor, dt: float
    ) -> tf.Tensor:
        """Compute one step; see `TFNeuronBuilder.step`."""
        return tf.cast(self.threshold < J, J.dtype)


@SimNeuronsBuilder.register(Integrator)
class IntegratorBuilder(NIRNeuronBuilder):
    """Integrate the input.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Collect the parameters; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.gain = self.per_neuron(signals, lambda neurons: neurons.gain)

    def integrated(self, J: tf.Tensor, voltage: tf.Tensor) -> tf.Tensor:
        """Compute the voltage before spikes; see `Integrator.integrated`."""
        return voltage + rounded_product(self.gain, J)

    def step(  # type: ignore[override]
        self, J: tf.Tensor, dt: float, voltage: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute output and voltage; see `TFNeuronBuilder.step`."""
        voltage = self.integrated(J, voltage)
        return voltage, voltage


@SimNeuronsBuilder.register(LeakyIntegrator)
class LeakyIntegratorBuilder(IntegratorBuilder):
    """Integrate the input, with a leak.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Collect the parameters; see `OpBuilder.build_pre`."""
        NIRNeuronBuilder.build_pre(self, signals, config)
        self.r = self.per_neuron(signals, lambda neurons: neurons.r)
        self.v_leak = self.per_neuron(signals, lambda neurons: neurons.v_leak)
        self.approach = self.per_neuron(signals, lambda neurons: neurons.approach)

    def integrated(self, J: tf.Tensor, voltage: tf.Tensor) -> tf.Tensor:
        """Compute the voltage before spikes; see `LeakyIntegrator.integrated`."""
        goal = self.v_leak + rounded_product(self.r, J)
        return voltage + rounded_product(self.approach, goal - voltage)


class SpikingBuilder(IntegratorBuilder):
    """Base of the builders of neurons that spike.

    In training the output is the rate, or, with a surrogate gradient, the spikes: the
    voltage of the next step has the derivative of its parts, and none through the
    decision to reset it.

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
        # An infinite one has no distance to the voltage.
        self.v_threshold = self.per_neuron(
            signals, lambda neurons: np.clip(neurons.v_threshold, -_FAR, _FAR)
        )
        self.v_reset = self.per_neuron(signals, lambda neurons: neurons.v_reset)
        self.height = self.per_neuron(signals, _height)

    def step(  # type: ignore[override]
        self, J: tf.Tensor, dt: float, voltage: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute spikes and voltage; see `TFNeuronBuilder.step`."""
        voltage = stored(self.integrated(J, voltage))
        spiked = voltage > self.v_threshold
        one = tf.ones([], J.dtype)
        distance = (voltage - self.v_threshold) / self.height
        output = self.with_surrogate(distance, tf.cast(spiked, J.dtype), one)
        return output, tf.where(spiked, self.v_reset, voltage)


@SimNeuronsBuilder.register(IntegrateAndFire)
class IntegrateAndFireBuilder(SpikingBuilder):
    """Integrate the input, and spike.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    def training_step(self, J: tf.Tensor, dt: float, **state: tf.Tensor) -> tf.Tensor:
        """Compute the spikes per step; see `TFNeuronBuilder.training_step`."""
        return tf.clip_by_value(self.gain * J / self.height, 0.0, 1.0)


@SimNeuronsBuilder.register(LeakyIntegrateAndFire)
class LeakyIntegrateAndFireBuilder(SpikingBuilder, LeakyIntegratorBuilder):
    """Integrate the input, with a leak, and spike.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    def training_step(self, J: tf.Tensor, dt: float, **state: tf.Tensor) -> tf.Tensor:
        """Compute the spikes per step; see `TFNeuronBuilder.training_step`.

        From reset to threshold the voltage passes ``height``, and the distance to its
        goal shrinks by the factor ``1 - approach`` in each step.
        """
        above = self.v_leak + self.r * J - self.v_threshold
        fires = above > 0
        above = tf.where(fires, above, tf.ones_like(above))
        shrinking = -tf.math.log1p(-tf.minimum(self.approach, 1.0))
        steps = tf.math.log1p(self.height / above) / shrinking
        return tf.where(fires, 1 / tf.maximum(steps, 1.0), tf.zeros_like(above))


def _height(neurons: Any) -> Any:
    """What a voltage rises by from reset to threshold, 1 where that is no height."""
    height = np.minimum(neurons.v_threshold - neurons.v_reset, _FAR)
    return np.where(height > 0, height, 1.0)
