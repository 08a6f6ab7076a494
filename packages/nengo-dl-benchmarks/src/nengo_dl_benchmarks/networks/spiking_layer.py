"""Layers of spiking neurons, as other frameworks have them."""

from __future__ import annotations

from typing import Any

import nengo
import numpy as np

DECAY = 0.95  # of a neuron's voltage in a step


def spiking_layer(n_neurons: int, recurrent: bool = False) -> nengo.Network:
    """Build one dense layer of weights and one of LIF neurons, trained in spikes.

    This is the network of Open Neuromorphic's comparison of frameworks: inputs and
    outputs are spikes, one a step, and weights have the sizes that Glorot and Bengio
    (2010) choose. Voltages are ``v = 0.95 v + J``, with the sum ``J`` of the weights of
    spikes; at more than one a neuron spikes, and goes on from zero.

    Parameters
    ----------
    n_neurons : int
        Number of neurons, and of inputs.
    recurrent : bool
        Whether the neurons have connections among each other, from one step to the
        next.

    Returns
    -------
    net : nengo.Network
        Network with one input node, ``net.inp``, and a probe of the neurons' spikes,
        ``net.p``. Inputs are to be spikes (``net.spiking_inputs``).

    Examples
    --------
    >>> spiking_layer(n_neurons=256, recurrent=True).n_neurons
    256
    """
    import nengo_dl_core

    net = begin()
    with net:
        net.inp = nengo.Node(np.zeros(n_neurons))
        neurons = add_neurons(net, n_neurons)
        nengo.Connection(net.inp, neurons, transform=nengo_dl_core.dists.Glorot())
        if recurrent:
            # A synapse of time constant zero passes on the value of the step before.
            nengo.Connection(
                neurons, neurons, transform=nengo_dl_core.dists.Glorot(), synapse=0
            )
        net.p = nengo.Probe(neurons)
    return net


def begin() -> nengo.Network:
    """Make an empty network whose weights are trained in spikes.

    Returns
    -------
    net : nengo.Network
        Without filters on its connections.
    """
    from nengo_dl_core import configure_settings

    net = nengo.Network(seed=0)
    net.spiking_inputs = True
    net.config[nengo.Connection].synapse = None
    with net:
        configure_settings(trainable=None, spike_gradient="fast_sigmoid")
    return net


def add_neurons(net: nengo.Network, n_neurons: int) -> Any:
    """Add LIF neurons as other frameworks have them.

    Parameters
    ----------
    net : nengo.Network
        What they are added to, the present context.
    n_neurons : int
        How many.

    Returns
    -------
    neurons : nengo.ensemble.Neurons
        Their gains and biases are not trained.
    """
    dt = 0.001
    neuron_type = nengo.LIF(
        tau_rc=-dt / np.log(DECAY),
        tau_ref=0,
        amplitude=dt,
        min_voltage=-np.inf,
        initial_state={"voltage": nengo.dists.Choice([0])},
    )
    ensemble = nengo.Ensemble(
        n_neurons,
        1,
        neuron_type=neuron_type,
        gain=np.full(n_neurons, 1 / (1 - DECAY)),
        bias=np.zeros(n_neurons),
    )
    net.config[ensemble.neurons].trainable = False
    return ensemble.neurons
