"""Builders of neuron types; importing them registers them."""

from nengo_dl_core.builders.neurons import (
    adaptive,
    izhikevich,
    leaky_relu,
    lif,
    rates_to_spikes,
    rectified,
    sigmoid,
    tanh,
)

__all__ = [
    "adaptive",
    "izhikevich",
    "leaky_relu",
    "lif",
    "rates_to_spikes",
    "rectified",
    "sigmoid",
    "tanh",
]
