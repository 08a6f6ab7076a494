"""Many small ensembles of different sizes, sparsely connected, as in large models."""

import nengo
import numpy as np
from nengo.neurons import NeuronType


def mixed_sizes(
    n_ensembles: int,
    n_neurons: int,
    neuron_type: NeuronType,
    n_sizes: int = 20,
    connections_per_ensemble: int = 3,
    seed: int = 0,
) -> nengo.Network:
    """Build a network of ensembles of different sizes, connected at random.

    Parameters
    ----------
    n_ensembles : int
        Number of ensembles, of one dimension each.
    n_neurons : int
        Number of neurons of an ensemble, on average.
    neuron_type : nengo.neurons.NeuronType
        Neuron type of the ensembles.
    n_sizes : int
        Number of different sizes, which lie two neurons apart.
    connections_per_ensemble : int
        Number of connections out of each ensemble, to any.
    seed : int
        Seed of the network, of the sizes and of the choice of connections.

    Returns
    -------
    net : nengo.Network
        Network with one input node, ``net.inp``, which excites the first ensemble,
        and a probe on every hundredth ensemble; ``net.p`` is the first of them.

    Raises
    ------
    ValueError
        If the smallest ensembles would have no neurons.

    Examples
    --------
    >>> net = mixed_sizes(40, 50, nengo.LIF())
    >>> len({ensemble.n_neurons for ensemble in net.ensembles})
    20
    >>> net.n_neurons
    2000
    """
    sizes = n_neurons + 1 - n_sizes + 2 * np.arange(n_sizes)
    if sizes[0] < 1:
        raise ValueError(
            f"n_sizes={n_sizes} around n_neurons={n_neurons} begin with {sizes[0]}"
        )
    rng = np.random.default_rng(seed)
    with nengo.Network(seed=seed) as net:
        net.config[nengo.Ensemble].neuron_type = neuron_type
        net.inp = nengo.Node(0.5)
        ensembles = [
            nengo.Ensemble(int(size), 1, label=f"ensemble {i}")
            for i, size in enumerate(rng.permutation(np.resize(sizes, n_ensembles)))
        ]
        nengo.Connection(net.inp, ensembles[0])
        for sender in ensembles:
            for target in rng.integers(n_ensembles, size=connections_per_ensemble):
                # Each sends its share, so that no ensemble is driven out of its range.
                nengo.Connection(
                    sender, ensembles[target], transform=1 / connections_per_ensemble
                )
        probes = [nengo.Probe(ensemble, synapse=0.01) for ensemble in ensembles[::100]]
        net.p = probes[0]
    return net
