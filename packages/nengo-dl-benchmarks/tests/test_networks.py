"""What each benchmark network computes, in the reference simulator."""

import nengo
import numpy as np
import pytest

from nengo_dl_benchmarks import (
    basal_ganglia,
    cconv,
    integrator,
    mixed_sizes,
    pes,
    random_network,
    ring,
)
from nengo_dl_benchmarks.suite import BENCHMARKS, NEURON_TYPES


def simulate(net, n_steps=1000):
    """Run a network; return its probe's values and those of its input nodes."""
    inputs = [node for node in net.all_nodes if isinstance(node.output, nengo.Process)]
    with net:
        probes = [nengo.Probe(node) for node in inputs]
    with nengo.Simulator(net, seed=0, progress_bar=False) as sim:
        sim.run_steps(n_steps)
    return sim.data[net.probes[0]], *(sim.data[probe] for probe in probes)


def rmse(actual, expected):
    return np.sqrt(np.mean((actual - expected) ** 2))


def test_integrator_integrates_its_input():
    output, signal = simulate(integrator(2, 200, nengo.LIF()))
    expected = np.cumsum(signal, axis=0) * 0.001
    assert rmse(output, expected) < 0.25 * expected.std()


def test_cconv_convolves_its_inputs():
    output, a, b = simulate(cconv(4, 300, nengo.LIF()))
    spectrum = np.fft.rfft(a, axis=1) * np.fft.rfft(b, axis=1)
    expected = np.fft.irfft(spectrum, n=4, axis=1)
    delay = 15  # milliseconds in the synapses
    assert rmse(output[delay:], expected[:-delay]) < 0.4 * expected.std()


def test_basal_ganglia_selects_the_action_of_highest_utility():
    output, utilities = simulate(basal_ganglia(3, 100, nengo.LIF()))
    last = slice(99, None, 100)  # step of each set of utilities
    np.testing.assert_array_equal(
        output[last].argmax(axis=1), utilities[last].argmax(axis=1)
    )


def test_pes_learns_to_pass_its_input_on():
    output, signal = simulate(pes(1, 200, nengo.LIF()), n_steps=6000)
    assert rmse(output[-1000:], signal[-1000:]) < 0.5 * rmse(
        output[:1000], signal[:1000]
    )


def test_random_network_has_the_connections_asked_for():
    net = random_network(
        2, 20, nengo.LIF(), n_ensembles=7, connections_per_ensemble=3, seed=1
    )
    for ensemble in net.ensembles:
        targets = [conn.post for conn in net.connections if conn.pre is ensemble]
        assert len(set(targets)) == len(targets) == 3


def test_random_network_depends_on_nothing_but_its_arguments():
    def wiring(seed):
        net = random_network(1, 5, nengo.LIF(), 6, 2, seed=seed)
        number = {ensemble: i for i, ensemble in enumerate(net.ensembles)}
        return [
            (number[c.pre], number[c.post]) for c in net.connections if c.pre in number
        ]

    assert wiring(0) == wiring(0) != wiring(1)


def test_random_network_refuses_more_connections_than_ensembles():
    with pytest.raises(ValueError, match="connections_per_ensemble=4 is more than"):
        random_network(1, 5, nengo.LIF(), n_ensembles=3, connections_per_ensemble=4)


def test_mixed_sizes_are_as_many_as_asked_for_and_as_large_on_average():
    net = mixed_sizes(30, 20, nengo.LIF(), n_sizes=5, connections_per_ensemble=2)
    sizes = sorted(ensemble.n_neurons for ensemble in net.ensembles)
    assert sizes == [size for size in (16, 18, 20, 22, 24) for _ in range(6)]
    for ensemble in net.ensembles:
        assert sum(conn.pre is ensemble for conn in net.connections) == 2
    assert net.p.target is net.ensembles[0]


def test_mixed_sizes_depend_on_nothing_but_the_arguments():
    def wiring(seed):
        net = mixed_sizes(9, 6, nengo.LIF(), n_sizes=3, seed=seed)
        number = {ensemble: i for i, ensemble in enumerate(net.ensembles)}
        pairs = [
            (number[c.pre], number[c.post]) for c in net.connections if c.pre in number
        ]
        return [ensemble.n_neurons for ensemble in net.ensembles], pairs

    assert wiring(0) == wiring(0)
    assert all(one != other for one, other in zip(wiring(0), wiring(1), strict=True))


def test_mixed_sizes_refuse_ensembles_without_neurons():
    with pytest.raises(ValueError, match=r"n_sizes=8 around n_neurons=7 begin with 0"):
        mixed_sizes(10, 7, nengo.LIF(), n_sizes=8)


def test_ring_passes_its_signal_on():
    net = ring(3, 200, nengo.LIF())
    with net:
        probes = [nengo.Probe(ensemble, synapse=0.05) for ensemble in net.ensembles]
    with nengo.Simulator(net, progress_bar=False) as sim:
        sim.run(1.0)
    values = [abs(sim.data[probe][-1, 0]) for probe in probes]
    assert all(0.1 < value < 2 for value in values)


@pytest.mark.parametrize("name", ["chain", "mnist", "pes", "random_network"])
def test_input_and_probe_have_names(name):
    net = BENCHMARKS[name].build()
    assert net.inp.size_in == 0
    assert net.p in net.all_probes


def test_cconv_has_two_inputs():
    net = cconv(2, 5, nengo.LIF())
    assert {net.inp_a, net.inp_b} <= set(net.nodes)
    assert net.p in net.probes


@pytest.mark.parametrize("name", NEURON_TYPES)
def test_neuron_types_are_known_by_name(name):
    net = BENCHMARKS["feedback"].at(n_neurons=5, neuron_type=name).build()
    assert type(net.ensembles[0].neuron_type).__name__ == name


@pytest.mark.parametrize("network", [basal_ganglia, cconv, integrator, pes])
def test_neuron_type_is_that_of_every_ensemble(network):
    net = network(2, 20, nengo.Tanh())
    assert {type(ens.neuron_type) for ens in net.all_ensembles} == {nengo.Tanh}
