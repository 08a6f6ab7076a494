"""Random Nengo networks."""

from __future__ import annotations

import nengo
import numpy as np

_SYNAPSES = (None, 0.005, nengo.Alpha(0.01))
_NEURON_TYPES = (nengo.LIF(), nengo.LIFRate(), nengo.RectifiedLinear(), nengo.Direct())


def random_network(seed: int, n_objects: int) -> nengo.Network:
    """Make a network of nodes, ensembles and arrays with random connections.

    Parameters
    ----------
    seed : int
        Determines everything else.
    n_objects : int
        How many objects are to be connected with each other.
    """
    rng = np.random.RandomState(seed)
    with nengo.Network(seed=seed) as net:
        sources = [
            nengo.Node(rng.choice([-1.0, 0.0, 1.0], size=2)),
            nengo.Node(lambda t: np.sin(30 * t + np.arange(2))),
            nengo.Node(
                nengo.processes.WhiteSignal(0.1, high=50, seed=seed), size_out=2
            ),
        ]
        objects = [_random_object(rng, i) for i in range(n_objects)]
        outputs = sources + [output for _, output in objects]
        for i, (post, _) in enumerate(objects):
            for _ in range(rng.randint(3)):
                j = rng.randint(len(outputs))
                # Connections without a synapse go forward only, or there are cycles.
                forward = j < len(sources) + i
                synapse = _SYNAPSES[rng.randint(0 if forward else 1, len(_SYNAPSES))]
                _connect(rng, outputs[j], post, synapse)
        for _, output in objects:
            if rng.rand() < 0.6:
                nengo.Probe(output, synapse=_SYNAPSES[rng.randint(len(_SYNAPSES))])
        if rng.rand() < 0.3:
            _add_learning(rng, sources[1])
        if rng.rand() < 0.3:
            _add_transforms(rng, sources[1])
    return net


def _random_object(rng, i):
    kind = rng.randint(5)
    if kind == 0:
        passthrough = nengo.Node(size_in=2)
        return passthrough, passthrough
    if kind == 1:
        function = nengo.Node(lambda t, x: np.tanh(x + t), size_in=2)
        return function, function
    if kind == 2:
        array = nengo.networks.EnsembleArray(6, 2)
        return array.input, array.output
    neuron_type = _NEURON_TYPES[rng.randint(len(_NEURON_TYPES))]
    ensemble = nengo.Ensemble(6, 2, neuron_type=neuron_type)
    if kind == 3 and not isinstance(neuron_type, nengo.Direct):
        two_neurons = nengo.Ensemble(2, 1, neuron_type=neuron_type).neurons
        return two_neurons, two_neurons
    return ensemble, ensemble


def _connect(rng, pre, post, synapse):
    kind = rng.randint(5)
    if kind == 0:
        nengo.Connection(pre, post, synapse=synapse)
    elif kind == 1:
        nengo.Connection(pre[0], post[1], synapse=synapse, transform=rng.randint(-1, 2))
    elif kind == 2:
        nengo.Connection(pre[::-1], post, synapse=synapse)
    elif kind == 3:
        nengo.Connection(pre[[1]], post[[0]], synapse=synapse)
    else:
        transform = rng.choice([-1.0, 0.0, 1.0, 0.5], size=(2, 2))
        nengo.Connection(pre, post, synapse=synapse, transform=transform)


def _add_learning(rng, stimulus):
    pre, post = nengo.Ensemble(8, 2), nengo.Ensemble(6, 2)
    nengo.Connection(stimulus, pre)
    rule = (nengo.PES(), nengo.RLS(), nengo.Voja(), nengo.BCM(), nengo.Oja())[
        rng.randint(5)
    ]
    if isinstance(rule, (nengo.BCM, nengo.Oja)):
        solver = nengo.solvers.LstsqL2(weights=True)
        learned = nengo.Connection(pre, post, solver=solver, learning_rule_type=rule)
    else:
        learned = nengo.Connection(pre, post, learning_rule_type=rule)
    if not isinstance(rule, (nengo.BCM, nengo.Oja, nengo.Voja)):
        nengo.Connection(post, learned.learning_rule)
    nengo.Probe(learned, "weights")
    nengo.Probe(post, synapse=0.01)


def _add_transforms(rng, stimulus):
    convolution = nengo.Convolution(
        n_filters=2, input_shape=(4, 1), kernel_size=(2,), strides=(1,)
    )
    neurons = nengo.Ensemble(6, 1, neuron_type=nengo.LIFRate()).neurons
    image = nengo.Node(size_in=4)
    nengo.Connection(stimulus, image[:2], synapse=None)
    nengo.Connection(image, neurons, transform=convolution, synapse=None)
    sparse = nengo.Sparse((6, 6), [(0, 1), (3, 3), (5, 0)], init=[1.0, -1.0, 0.5])
    nengo.Connection(neurons, neurons, transform=sparse, synapse=0.01)
    nengo.Probe(neurons)
