"""Ensembles in a row: each waits for the one before it, through a synapse."""

from itertools import pairwise

import nengo
from nengo.neurons import NeuronType


def chain(n_ensembles: int, n_neurons: int, neuron_type: NeuronType) -> nengo.Network:
    """Build a network that passes a signal from ensemble to ensemble.

    Parameters
    ----------
    n_ensembles : int
        Number of ensembles, of one dimension each.
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
    >>> chain(n_ensembles=20, n_neurons=100, neuron_type=nengo.LIF()).n_neurons
    2000
    """
    with nengo.Network(seed=0) as net:
        net.config[nengo.Ensemble].neuron_type = neuron_type
        net.inp = nengo.Node(0.5)
        ensembles = [
            nengo.Ensemble(n_neurons, 1, label=f"link {i}") for i in range(n_ensembles)
        ]
        for sender, receiver in pairwise([net.inp, *ensembles]):
            nengo.Connection(sender, receiver)
        net.p = nengo.Probe(ensembles[-1], synapse=0.01)
    return net
