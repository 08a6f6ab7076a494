"""One large recurrent ensemble: a dense product and many neurons in every step."""

import nengo
from nengo.neurons import NeuronType


def integrator(
    dimensions: int, neurons_per_d: int, neuron_type: NeuronType
) -> nengo.Network:
    """Build a network of one ensemble that integrates its input.

    Parameters
    ----------
    dimensions : int
        Number of dimensions of the input.
    neurons_per_d : int
        Number of neurons for each dimension.
    neuron_type : nengo.neurons.NeuronType
        Neuron type of the ensemble.

    Returns
    -------
    net : nengo.Network
        Network with one input node, ``net.inp``, and one probe, ``net.p``.

    Examples
    --------
    >>> integrator(dimensions=2, neurons_per_d=50, neuron_type=nengo.LIF()).n_neurons
    100
    """
    time_constant = 0.1
    with nengo.Network(seed=0) as net:
        net.inp = nengo.Node(
            nengo.processes.WhiteSignal(period=10, high=1, rms=dimensions**-0.5),
            size_out=dimensions,
        )
        memory = nengo.Ensemble(
            dimensions * neurons_per_d,
            dimensions,
            neuron_type=neuron_type,
            label="memory",
        )
        # x' = u through a synapse of time constant t: x comes back, u in t parts
        # (Eliasmith and Anderson, 2003, Neural Engineering, section 8.1).
        nengo.Connection(memory, memory, synapse=time_constant)
        nengo.Connection(
            net.inp, memory, transform=time_constant, synapse=time_constant
        )
        net.p = nengo.Probe(memory, synapse=0.01)
    return net
