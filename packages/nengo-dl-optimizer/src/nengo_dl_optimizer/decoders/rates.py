"""Firing rates at many points, in pieces that stay in a processor's caches."""

from __future__ import annotations

import numpy as np
from nengo import neurons
from nengo.neurons import NeuronType

from .factors import Array

# Types whose rate at a point depends on nothing but that point's current.
_POINT_BY_POINT = {
    neurons.AdaptiveLIF,
    neurons.AdaptiveLIFRate,
    neurons.LIF,
    neurons.LIFRate,
    neurons.RectifiedLinear,
    neurons.Sigmoid,
    neurons.SpikingRectifiedLinear,
    neurons.Tanh,
}

# Numbers in a piece. The rates of 4,096 LIF neurons at 8,192 points take 0.7 s by
# pieces of this size, and 1.7 s at once: every array then passes through memory.
_PIECE = 2**14


def firing_rates(
    neuron_type: NeuronType, currents: Array, gain: Array, bias: Array
) -> Array:
    """Return the firing rates of neurons, as their type's `rates` does.

    Parameters
    ----------
    neuron_type : nengo.neurons.NeuronType
        The type of the neurons.
    currents : ndarray
        What the neurons are driven by before gain and bias, ``(n_points, n_neurons)``.
    gain, bias : ndarray
        Gain and bias of the neurons, ``(n_neurons,)``.

    Returns
    -------
    rates : ndarray
        The rates in Hertz, ``(n_points, n_neurons)``.
    """
    n_rows = max(1, _PIECE // currents.shape[1])
    if type(neuron_type) not in _POINT_BY_POINT or len(currents) <= n_rows:
        rates: Array = neuron_type.rates(currents, gain, bias)
        return rates
    rates = np.empty(currents.shape, np.result_type(currents, gain, bias))
    for start in range(0, len(currents), n_rows):
        rows = slice(start, start + n_rows)
        rates[rows] = neuron_type.rates(currents[rows], gain, bias)
    return rates
