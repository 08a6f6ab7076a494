"""Keeps the scale of firing rates out of what is trained.

With a higher scale neurons represent the same values with more spikes: their input is
multiplied by the scale, and their output divided by it. The scale is part of their
gain, their bias and the amplitude of their type, so that every Nengo simulator computes
the same. It must not be learned, however. Here the bias is taken apart into the scale
and a trained bias, so that a network learns the same at every scale, and what was
learned at one scale can be used at another.
"""

from __future__ import annotations

from typing import Any

import nengo
import numpy as np
from nengo.builder import Model
from nengo.builder.network import build_network
from nengo.builder.operator import Copy, ElementwiseInc, Operator, Reset
from nengo.builder.signal import Signal

from nengo_dl_core.network.build import NengoBuilder

_SETTING = "firing_rate_scale"


def scale_of(model: Model, ens: nengo.Ensemble) -> float:
    """Look up the scale of an ensemble's firing rates.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.
    ens : nengo.Ensemble
        An ensemble in it.

    Returns
    -------
    scale : float
        What the bias of the neurons is multiplied by; 1 unless the network says more.
    """
    sig = model.sig[ens.neurons].get(_SETTING)
    return 1.0 if sig is None else float(sig.initial_value)


@NengoBuilder.register(nengo.Network)
def build_scaled_network(model: Model, network: nengo.Network, **kwargs: Any) -> None:
    """Build a network, with the biases of its neurons as they are before scaling.

    Parameters
    ----------
    model : nengo.builder.Model
        The model to build into.
    network : nengo.Network
        The network.
    **kwargs
        Passed on to Nengo's own function.
    """
    build_network(model, network, **kwargs)
    if network is model.toplevel:
        biases: dict[Signal, list[Operator]] = {}
        for ens, scale in _scales(network).items():
            neurons = model.sig[ens.neurons]
            bias = neurons["bias"]
            neurons[_SETTING] = Signal(scale, name=f"{ens}.{_SETTING}", readonly=True)
            neurons["bias"] = Signal(
                bias.initial_value / scale, name=bias.name, readonly=True
            )
            product = ElementwiseInc(neurons[_SETTING], neurons["bias"], neurons["in"])
            biases[bias] = [Reset(neurons["in"]), product]
        model.operators[:] = [
            new
            for op in model.operators
            for new in (biases.get(op.src, [op]) if type(op) is Copy else [op])
        ]


def _scales(network: nengo.Network) -> dict[nengo.Ensemble, float]:
    """Collect the scales that a network and its subnetworks set for ensembles."""
    configs = [
        config
        for config in (net.config for net in (network, *network.all_networks))
        if nengo.Ensemble in config.params
        and _SETTING in config[nengo.Ensemble].extra_params
    ]
    scales = {}
    for ens in network.all_ensembles if configs else ():
        own = (getattr(config[ens], _SETTING) for config in configs)
        scale = next((x for x in own if x is not None), 1.0)
        if scale != 1 and not isinstance(ens.neuron_type, nengo.Direct):
            scales[ens] = float(np.float64(scale))
    return scales
