"""A Legendre memory of an input, and a layer that reads it in every step."""

from __future__ import annotations

import nengo
import numpy as np

from nengo_dl_benchmarks.networks.lmu import memory_matrices


def legendre_memory(
    theta: int, order: int, units: int, outputs: int, recurrent: bool = True
) -> nengo.Network:
    """Build a memory that nothing feeds back into, a layer and a readout.

    The input itself goes into the memory; a layer of hyperbolic tangents reads the
    memory and the input, and a linear readout the layer. It is the Legendre memory unit
    of `lmu` without the connections into the memory, so that the memory of all steps
    can be computed at once.

    Parameters
    ----------
    theta : int
        Length of the window that is remembered, in steps.
    order : int
        Number of Legendre polynomials.
    units, outputs : int
        Sizes of the layer and of the readout.
    recurrent : bool
        Whether the layer has connections to itself, from one step to the next.

    Returns
    -------
    net : nengo.Network
        Network with one input node, ``net.inp``, and one probe, ``net.p``.

    Examples
    --------
    >>> net = legendre_memory(theta=10, order=4, units=5, outputs=2)
    >>> net.p.size_in
    2
    """
    import nengo_dl_core

    A, B = memory_matrices(theta, order)
    with nengo.Network(seed=0) as net:
        nengo_dl_core.configure_settings(trainable=None)
        net.config[nengo.Connection].synapse = None
        net.inp = nengo.Node([0.0])
        memory = nengo.Node(size_in=order)
        ensemble = nengo.Ensemble(
            units,
            1,
            neuron_type=nengo.Tanh(tau_ref=1),
            gain=np.ones(units),
            bias=np.zeros(units),
        )
        readout = nengo.Node(size_in=outputs)
        h = ensemble.neurons
        # A synapse of time constant zero passes on the value of the step before.
        fixed = [
            nengo.Connection(net.inp, memory, transform=B),
            nengo.Connection(memory, memory, transform=A, synapse=0),
        ]
        for pre, post in ((memory, h), (net.inp, h), (h, readout)):
            nengo.Connection(pre, post, transform=nengo_dl_core.dists.Glorot())
        if recurrent:
            nengo.Connection(h, h, transform=nengo_dl_core.dists.Glorot(), synapse=0)
        for found in (*fixed, ensemble, h):
            net.config[found].trainable = False
        net.p = nengo.Probe(readout)
    return net
