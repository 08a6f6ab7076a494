"""Networks with noise and learning, and what Nengo's own simulator makes of them."""

import nengo
import numpy as np

N_STEPS = 50


def reference(net, n_steps=N_STEPS, seed=None, model=None):
    """Simulate a network with Nengo's own simulator."""
    with nengo.Simulator(
        net, seed=seed, model=model, optimize=False, progress_bar=False
    ) as sim:
        sim.run_steps(n_steps)
        return {probe: sim.data[probe] for probe in sim.model.probes}


def assert_close(found, expected):
    peak = np.abs(expected).max(initial=1)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * peak)


def noisy(seed=1):
    """Make a network with all that draws random numbers."""
    with nengo.Network(seed=seed) as net:
        white = nengo.Node(nengo.processes.WhiteNoise())
        signal = nengo.Node(nengo.processes.WhiteSignal(0.1, high=50), size_out=2)
        filtered = nengo.Node(nengo.processes.FilteredNoise())
        ensemble = nengo.Ensemble(20, 2, noise=nengo.processes.WhiteNoise())
        poisson, stochastic = (
            nengo.Ensemble(20, 1, neuron_type=neuron_type(nengo.LIFRate()))
            for neuron_type in (nengo.PoissonSpiking, nengo.StochasticSpiking)
        )
        nengo.Connection(signal, ensemble)
        for source in (white, filtered, ensemble[0]):
            nengo.Connection(source, poisson)
            nengo.Connection(source, stochastic)
        for made in (white, filtered, ensemble, poisson, stochastic):
            nengo.Probe(made, synapse=0.01)
    return net


def learning(rule):
    with nengo.Network(seed=2) as net:
        stimulus = nengo.Node(lambda t: np.sin(40 * t))
        weights = isinstance(rule, (nengo.BCM, nengo.Oja))
        for _ in range(2):
            pre, post = nengo.Ensemble(20, 1), nengo.Ensemble(20, 1)
            nengo.Connection(stimulus, pre)
            solver = nengo.solvers.LstsqL2(weights=weights)
            learned = nengo.Connection(
                pre, post, solver=solver, learning_rule_type=rule
            )
            if isinstance(rule, (nengo.PES, nengo.RLS)):
                nengo.Connection(post, learned.learning_rule)
            nengo.Probe(learned, "weights")
            nengo.Probe(post, synapse=0.01)
    return net
