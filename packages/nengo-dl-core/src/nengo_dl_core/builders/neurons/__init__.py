"""Builders of neuron types; importing them registers them."""

from nengo_dl_core.builders.neurons import (
    adaptive,
    fixed_point,
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
    "fixed_point",
    "izhikevich",
    "leaky_relu",
    "lif",
    "rates_to_spikes",
    "rectified",
    "sigmoid",
    "tanh",
]
