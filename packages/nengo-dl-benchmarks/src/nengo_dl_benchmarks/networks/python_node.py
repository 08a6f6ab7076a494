"""A Python function in the loop, which no simulator can compile."""

import nengo
import numpy as np
from nengo.neurons import NeuronType
from numpy.typing import NDArray


def python_node(n_neurons: int, neuron_type: NeuronType) -> nengo.Network:
    """Build a network whose signal passes through a Python function in every step.

    Parameters
    ----------
    n_neurons : int
        Number of neurons of each of the two ensembles.
    neuron_type : nengo.neurons.NeuronType
        Neuron type of the ensembles.

    Returns
    -------
    net : nengo.Network
        Network with one input node, ``net.inp``, and one probe, ``net.p``.

    Examples
    --------
    >>> python_node(n_neurons=100, neuron_type=nengo.LIF()).n_neurons
    200
    """

    def square(t: float, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return x**2

    with nengo.Network(seed=0) as net:
        net.config[nengo.Ensemble].neuron_type = neuron_type
        net.inp = nengo.Node(nengo.processes.WhiteSignal(period=1, high=5, rms=0.5))
        before = nengo.Ensemble(n_neurons, 1, label="before")
        function = nengo.Node(square, size_in=1)
        after = nengo.Ensemble(n_neurons, 1, label="after")
        nengo.Connection(net.inp, before)
        nengo.Connection(before, function)
        nengo.Connection(function, after)
        net.p = nengo.Probe(after, synapse=0.01)
    return net
