"""Ensembles connected at random: nothing in their order helps a planner."""

import nengo
import numpy as np
from nengo.neurons import NeuronType


def random_network(
    dimensions: int,
    neurons_per_d: int,
    neuron_type: NeuronType,
    n_ensembles: int,
    connections_per_ensemble: int,
    seed: int = 0,
) -> nengo.Network:
    """Build a network of ensembles that are connected at random.

    Parameters
    ----------
    dimensions : int
        Number of dimensions of each ensemble.
    neurons_per_d : int
        Number of neurons for each dimension.
    neuron_type : nengo.neurons.NeuronType
        Neuron type of the ensembles.
    n_ensembles : int
        Number of ensembles.
    connections_per_ensemble : int
        Number of connections out of each ensemble, to different ones.
    seed : int
        Seed of the network and of the choice of connections.

    Returns
    -------
    net : nengo.Network
        Network with one input node, ``net.inp``, which excites the first ensemble,
        and a probe on each ensemble; ``net.p`` is that on the last one.

    Raises
    ------
    ValueError
        If an ensemble is to have more connections than there are ensembles.

    Examples
    --------
    >>> net = random_network(
    ...     2, 50, nengo.LIF(), n_ensembles=5, connections_per_ensemble=3
    ... )
    >>> len(net.connections)
    16
    """
    if connections_per_ensemble > n_ensembles:
        raise ValueError(
            f"connections_per_ensemble={connections_per_ensemble} is more than "
            f"n_ensembles={n_ensembles}"
        )
    rng = np.random.default_rng(seed)
    with nengo.Network(seed=seed) as net:
        net.config[nengo.Ensemble].neuron_type = neuron_type
        net.inp = nengo.Node(
            nengo.processes.WhiteSignal(period=1, high=5, rms=0.5), size_out=dimensions
        )
        ensembles = [
            nengo.Ensemble(
                dimensions * neurons_per_d, dimensions, label=f"ensemble {i}"
            )
            for i in range(n_ensembles)
        ]
        nengo.Connection(net.inp, ensembles[0])
        for sender in ensembles:
            targets = rng.choice(n_ensembles, connections_per_ensemble, replace=False)
            for target in targets:
                # Each sends its share, so that no ensemble is driven out of its range.
                nengo.Connection(
                    sender, ensembles[target], transform=1 / connections_per_ensemble
                )
        probes = [nengo.Probe(ensemble, synapse=0.01) for ensemble in ensembles]
        net.p = probes[-1]
    return net
