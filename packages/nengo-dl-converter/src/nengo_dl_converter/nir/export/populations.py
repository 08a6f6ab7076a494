"""Nengo's neuron types as nodes of NIR, and what is lost."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import nengo
import numpy as np
import numpy.typing as npt
from nengo.builder import Model
from nengo.ensemble import Neurons
from nengo.neurons import NeuronType
from nengo.synapses import Alpha, Lowpass

from nengo_dl_core import get_setting

from ..errors import NIRError
from ..neurons import (
    IntegrateAndFire,
    Integrator,
    LeakyIntegrateAndFire,
    LeakyIntegrator,
    NIRNeuronType,
    Threshold,
)
from .links import Link, name_of

Array = npt.NDArray[np.float64]


class Population(NamedTuple):
    """Neurons as a node of NIR.

    Attributes
    ----------
    kind : str
        Type of the node.
    parameters : dict of {str: float or ndarray}
        Its parameters.
    height : float
        What comes out of the neurons in Nengo where 1 comes out of the node.
    losses : list of str
        What NIR cannot say of the neurons.
    start : ndarray
        Voltages at the beginning, ``(n_neurons,)``.
    """

    kind: str
    parameters: dict[str, Any]
    height: float
    losses: list[str]
    start: Array


def population_of(
    model: Model,
    neurons: Neurons,
    links: Sequence[Link],
    time_constant: Callable[..., Any],
) -> Population:
    """Say what neurons are in NIR.

    Parameters
    ----------
    model : nengo.builder.Model
        The built network.
    neurons : nengo.ensemble.Neurons
        The neurons.
    links : list of Link
        All links of the network.
    time_constant : callable
        Gives the time constant in NIR for one in Nengo, which is exact.

    Returns
    -------
    population : Population
        The nearest node.

    Raises
    ------
    NIRError
        If no node is near.
    """
    ensemble, kind = neurons.ensemble, neurons.ensemble.neuron_type
    losses = []
    if is_rounded(model, ensemble):
        losses.append("that currents and voltages are rounded")
    if ensemble.noise is not None:
        losses.append(f"the noise {ensemble.noise}")
    start = (
        np.array(model.sig[neurons]["voltage"].initial_value)
        if ("voltage" in kind.state)
        else np.zeros(ensemble.n_neurons)
    )
    if type(kind) in _OWN:
        return Population(*_own(kind), 1.0, losses, start)
    if type(kind) not in _NEAREST:
        raise NIRError(
            f"NIR has no neurons like {kind}, and none near them; it has "
            "nengo.LIF(tau_ref=0, min_voltage=-inf)",
            name_of(ensemble),
        )
    losses += _NEAREST[type(kind)]
    if getattr(kind, "tau_ref", 0):
        losses.append(f"the refractory period of {kind.tau_ref} s")
    if type(kind) is nengo.LIF and _floor_matters(model, neurons, links):
        losses.append(
            f"the lowest voltage, {kind.min_voltage}, which currents below 0 reach"
        )
    height = kind.amplitude / model.dt
    spikes = {"v_threshold": 1.0, "v_reset": 0.0}
    if isinstance(kind, nengo.LIFRate):
        tau = time_constant(kind.tau_rc)
        leaky = {"tau": tau, "r": 1.0, "v_leak": 0.0}
        return Population("LIF", leaky | spikes, height, losses, start)
    return Population("IF", {"r": 1.0, **spikes}, height, losses, start)


def is_rounded(model: Model, obj: nengo.Ensemble | nengo.Connection) -> bool:
    """Whether an object is quantized, so that more than its parameters is rounded."""
    return bool(get_setting(model, "quantization", False, obj))


def with_nearest_neurons(net: nengo.Network) -> nengo.Network:
    """Copy a network, with leaky neurons as NIR has them in place of others.

    Nengo then chooses gains and biases for the same maximal rates, and solves for
    decoders, as these neurons need them.

    Parameters
    ----------
    net : nengo.Network
        The network.

    Returns
    -------
    nearest : nengo.Network
        The copy.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # which copied passthrough Nodes give
        nearest = net.copy(add_to_container=False)
    for ensemble in nearest.all_ensembles:
        kind = ensemble.neuron_type
        if isinstance(kind, nengo.LIFRate):
            given = kind.initial_state or {}
            start = {k: v for k, v in given.items() if k == "voltage"}
            ensemble.neuron_type = nengo.LIF(
                tau_rc=kind.tau_rc,
                tau_ref=0,
                min_voltage=-np.inf,
                amplitude=kind.amplitude,
                initial_state=start,
            )
    return nearest


_NEAREST: dict[type[NeuronType], list[str]] = {
    nengo.LIF: [],
    nengo.AdaptiveLIF: ["the adaptation"],
    nengo.LIFRate: ["rates, which become spikes"],
    nengo.AdaptiveLIFRate: ["the adaptation", "rates, which become spikes"],
    nengo.RectifiedLinear: ["rates, which become spikes"],
    nengo.SpikingRectifiedLinear: [
        "the subtractive reset, several spikes in a step, and the lowest voltage, 0"
    ],
}

_OWN: dict[type[NIRNeuronType], str] = {
    Threshold: "Threshold",
    Integrator: "I",
    LeakyIntegrator: "LI",
    IntegrateAndFire: "IF",
    LeakyIntegrateAndFire: "LIF",
}


def _own(kind: Any) -> tuple[str, dict[str, Any]]:
    names = ("threshold", "tau", "r", "v_leak", "v_threshold", "v_reset")
    parameters = {name: getattr(kind, name) for name in names if hasattr(kind, name)}
    return _OWN[type(kind)], parameters


def _floor_matters(model: Model, neurons: Neurons, links: Sequence[Link]) -> bool:
    """Whether voltages can fall to the lowest that is allowed.

    They cannot fall below zero if all that arrives is made of spikes, by weights and
    filters that are not negative.
    """
    ensemble = neurons.ensemble
    lowest = ensemble.neuron_type.min_voltage
    if lowest == -np.inf:
        return False
    arriving = [link for link in links if link.post is neurons]
    encoded = any(link.post is ensemble for link in links)
    positive = not encoded and all(
        isinstance(link.pre, Neurons)
        and link.pre.ensemble.neuron_type.spiking
        and (link.matrix is None or (link.matrix >= 0).all())
        and (link.synapse is None or type(link.synapse) in (Lowpass, Alpha))
        for link in arriving
    )
    bias_is_positive = bool((model.params[ensemble].bias >= 0).all())
    return not (lowest <= 0 and positive and bias_is_positive)
