"""Online learning: weights that change in every step."""

import nengo
from nengo.neurons import NeuronType


def pes(dimensions: int, neurons_per_d: int, neuron_type: NeuronType) -> nengo.Network:
    """Build a network that learns a communication channel with the PES rule.

    Parameters
    ----------
    dimensions : int
        Number of dimensions of the signal.
    neurons_per_d : int
        Number of neurons for each dimension, of the sender and of the receiver
        together.
    neuron_type : nengo.neurons.NeuronType
        Neuron type of the ensembles.

    Returns
    -------
    net : nengo.Network
        Network with one input node, ``net.inp``, and one probe, ``net.p``.

    Examples
    --------
    >>> net = pes(dimensions=2, neurons_per_d=50, neuron_type=nengo.LIF())
    >>> [conn.learning_rule_type for conn in net.connections if conn.learning_rule]
    [PES()]
    """
    with nengo.Network(seed=0) as net:
        net.config[nengo.Ensemble].neuron_type = neuron_type
        net.inp = nengo.Node(
            nengo.processes.WhiteSignal(period=1, high=5, rms=0.5 * dimensions**-0.5),
            size_out=dimensions,
        )
        sender = nengo.Ensemble(
            dimensions * neurons_per_d // 2, dimensions, label="sender"
        )
        receiver = nengo.Ensemble(
            dimensions * neurons_per_d // 2, dimensions, label="receiver"
        )
        error = nengo.Node(size_in=dimensions)
        nengo.Connection(net.inp, sender)
        learned = nengo.Connection(
            sender, receiver, transform=0, learning_rule_type=nengo.PES()
        )
        nengo.Connection(receiver, error)
        nengo.Connection(net.inp, error, transform=-1)
        nengo.Connection(error, learned.learning_rule)
        net.p = nengo.Probe(receiver, synapse=0.01)
    return net
