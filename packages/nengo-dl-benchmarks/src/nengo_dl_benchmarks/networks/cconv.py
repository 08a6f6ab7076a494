"""Circular convolution: hundreds of equal small ensembles, which merge well."""

import nengo
from nengo.neurons import NeuronType


def cconv(
    dimensions: int, neurons_per_d: int, neuron_type: NeuronType
) -> nengo.Network:
    """Build a network that convolves two vectors, as in binding semantic pointers.

    Parameters
    ----------
    dimensions : int
        Number of dimensions of the two vectors.
    neurons_per_d : int
        Number of neurons for each product of two numbers; a convolution takes about
        two products for each dimension.
    neuron_type : nengo.neurons.NeuronType
        Neuron type of the ensembles.

    Returns
    -------
    net : nengo.Network
        Network with two input nodes, ``net.inp_a`` and ``net.inp_b``, and one probe,
        ``net.p``.

    Examples
    --------
    >>> net = cconv(dimensions=4, neurons_per_d=50, neuron_type=nengo.LIF())
    >>> len(net.all_ensembles)
    24
    """
    with nengo.Network(seed=0) as net:
        net.config[nengo.Ensemble].neuron_type = neuron_type
        convolution = nengo.networks.CircularConvolution(neurons_per_d, dimensions)
        signal = nengo.processes.WhiteSignal(period=1, high=5, rms=dimensions**-0.5)
        net.inp_a = nengo.Node(signal, size_out=dimensions)
        net.inp_b = nengo.Node(signal, size_out=dimensions)
        nengo.Connection(net.inp_a, convolution.input_a)
        nengo.Connection(net.inp_b, convolution.input_b)
        net.p = nengo.Probe(convolution.output, synapse=0.01)
    return net
