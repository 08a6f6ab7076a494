"""Computes the step that non-leaky spiking neurons have in common."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from nengo_dl_core.builders.numerics import rounded, stored


def integrate_and_fire(
    voltage: tf.Tensor,
    charge: tf.Tensor,
    spike_height: tf.Tensor,
    with_surrogate: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor],
    negative: bool = False,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Integrate, and spike as often as the integral passes an integer.

    Parameters
    ----------
    voltage : tf.Tensor
        Voltages before the step, ``(minibatch_size, n_neurons)``.
    charge : tf.Tensor
        What the voltages rise by in the step. Where the charges of some steps sum up to
        one exactly, their last bit decides when the neuron spikes.
    spike_height : tf.Tensor
        Output of a neuron that spikes once in the step.
    with_surrogate : callable
        See `TFNeuronBuilder.with_surrogate`. There is a threshold at every integer.
    negative : bool
        Whether charges can be negative, so that there are thresholds below one.

    Returns
    -------
    output, voltage : tf.Tensor
        Output of the neurons, and voltages after the step.
    """
    voltage = stored(voltage + rounded(charge))
    n_spikes = tf.floor(voltage)
    nearest = tf.round(voltage) if negative else tf.maximum(tf.round(voltage), 1)
    output = with_surrogate(
        voltage - tf.stop_gradient(nearest), spike_height * n_spikes, spike_height
    )
    return output, voltage - n_spikes
