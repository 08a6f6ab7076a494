"""Ensembles of any number and size, ready at once: their decoders are given."""

import nengo
import numpy as np
from nengo.neurons import NeuronType


def ring(n_ensembles: int, n_neurons: int, neuron_type: NeuronType) -> nengo.Network:
    """Build a network of ensembles each of which excites the next.

    Solving for decoders takes time that grows with the third power of the number of
    neurons. Here they are proportional to the encoders, a rough solution: what the
    network represents does not matter, what a step costs is the same.

    Parameters
    ----------
    n_ensembles : int
        Number of ensembles, of one dimension each; a single one excites itself.
    n_neurons : int
        Number of neurons of each ensemble.
    neuron_type : nengo.neurons.NeuronType
        Neuron type of the ensembles.

    Returns
    -------
    net : nengo.Network
        Network with one input node, ``net.inp``, and one probe, ``net.p``.

    Examples
    --------
    >>> ring(n_ensembles=10, n_neurons=100, neuron_type=nengo.LIF()).n_neurons
    1000
    """
    encoders = np.where(np.arange(n_neurons) % 2, 1.0, -1.0)[:, None]
    decoders = nengo.solvers.NoSolver(encoders / (100 * n_neurons))  # 100 Hz each
    with nengo.Network(seed=0) as net:
        net.inp = nengo.Node(0.5)
        ensembles = [
            nengo.Ensemble(
                n_neurons,
                1,
                encoders=encoders,
                neuron_type=neuron_type,
                label=f"link {i}",
            )
            for i in range(n_ensembles)
        ]
        nengo.Connection(net.inp, ensembles[0])
        for number, receiver in enumerate(ensembles):
            nengo.Connection(
                ensembles[number - 1],
                receiver,
                transform=0.5,
                synapse=0.1,
                solver=decoders,
            )
        net.p = nengo.Probe(ensembles[-1], synapse=0.01, solver=decoders)
    return net
