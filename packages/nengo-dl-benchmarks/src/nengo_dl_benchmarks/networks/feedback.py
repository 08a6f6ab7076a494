"""One small ensemble: what a step costs that has almost nothing to do."""

import nengo
from nengo.neurons import NeuronType


def feedback(n_neurons: int, neuron_type: NeuronType) -> nengo.Network:
    """Build a network of one ensemble of one dimension that excites itself.

    Parameters
    ----------
    n_neurons : int
        Number of neurons.
    neuron_type : nengo.neurons.NeuronType
        Neuron type of the ensemble.

    Returns
    -------
    net : nengo.Network
        Network with one input node, ``net.inp``, and one probe, ``net.p``.

    Examples
    --------
    >>> feedback(n_neurons=50, neuron_type=nengo.LIF()).n_neurons
    50
    """
    with nengo.Network(seed=0) as net:
        net.inp = nengo.Node(0.5)
        ensemble = nengo.Ensemble(
            n_neurons, 1, neuron_type=neuron_type, label="ensemble"
        )
        nengo.Connection(net.inp, ensemble)
        nengo.Connection(ensemble, ensemble, transform=0.5, synapse=0.1)
        net.p = nengo.Probe(ensemble, synapse=0.01)
    return net
