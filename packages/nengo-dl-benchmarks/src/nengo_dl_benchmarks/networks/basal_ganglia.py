"""Action selection: small ensembles of several kinds with sparse connections."""

import nengo
import numpy as np
from nengo.neurons import NeuronType


def basal_ganglia(
    dimensions: int, neurons_per_d: int, neuron_type: NeuronType
) -> nengo.Network:
    """Build a network of basal ganglia and thalamus that selects among actions.

    Parameters
    ----------
    dimensions : int
        Number of actions to select from.
    neurons_per_d : int
        Number of neurons of each ensemble; there are six for each action.
    neuron_type : nengo.neurons.NeuronType
        Neuron type of the ensembles.

    Returns
    -------
    net : nengo.Network
        Network with one input node, ``net.inp``, of the actions' utilities, and one
        probe, ``net.p``.

    Examples
    --------
    >>> net = basal_ganglia(dimensions=3, neurons_per_d=50, neuron_type=nengo.LIF())
    >>> len(net.all_ensembles)
    18
    """
    with nengo.Network(seed=0) as net:
        net.config[nengo.Ensemble].neuron_type = neuron_type
        net.inp = nengo.Node(
            nengo.processes.PresentInput(
                np.random.default_rng(0).uniform(size=(10, dimensions)),
                presentation_time=0.1,
            )
        )
        selection = nengo.networks.BasalGanglia(dimensions, neurons_per_d)
        thalamus = nengo.networks.Thalamus(dimensions, neurons_per_d)
        nengo.Connection(net.inp, selection.input)
        nengo.Connection(selection.output, thalamus.input)
        net.p = nengo.Probe(thalamus.output, synapse=0.01)
    return net
