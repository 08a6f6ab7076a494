"""Networks of every neuron type give the reference simulator's output."""

import nengo
import numpy as np
import pytest
import tensorflow as tf
from nengo.builder.neurons import SimNeurons

from nengo_dl_core import Simulator, configure_settings
from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder, TFNeuronBuilder
from nengo_dl_core.neurons import LeakyReLU, SoftLIFRate, SpikingLeakyReLU
from reference import assert_same, reference_data, simulated_data

NATIVE = [
    nengo.AdaptiveLIF(),
    nengo.AdaptiveLIF(tau_rc=0.03, inc_n=0.02),
    nengo.AdaptiveLIFRate(),
    nengo.Izhikevich(),
    nengo.LIF(min_voltage=-1, amplitude=0.01),
    nengo.LIFRate(),
    LeakyReLU(),
    nengo.RectifiedLinear(),
    nengo.RegularSpiking(nengo.LIFRate()),
    nengo.RegularSpiking(nengo.Tanh(), amplitude=0.1),
    nengo.Sigmoid(),
    SoftLIFRate(sigma=0.1),
    SpikingLeakyReLU(),
    nengo.SpikingRectifiedLinear(),
    nengo.Tanh(),
]


class Rotor(nengo.neurons.NeuronType):
    """A neuron type that only Python can compute: it counts, and draws at random."""

    state = {  # noqa: RUF012
        "angle": nengo.dists.Uniform(0, 1),
        "turns": nengo.dists.Choice([0]),
    }
    negative = False

    def make_state(self, n_neurons, rng=np.random, dtype=None):
        return {**super().make_state(n_neurons, rng, dtype), "rng": rng}

    def gain_bias(self, max_rates, intercepts):
        return np.ones_like(max_rates), np.ones_like(max_rates)

    def rates(self, x, gain, bias):
        return np.maximum(self.current(x, gain, bias), 0)

    def step(self, dt, J, output, angle, turns, rng):
        angle += dt * J * rng.uniform(50, 100, size=J.shape)
        output[...] = np.floor(angle)
        turns += output
        angle -= output


class OtherRotor(Rotor):
    """A subclass is not computed by its base's builder, but merges in Python."""

    def step(self, dt, J, output, angle, turns, rng):
        super().step(dt, J, output, angle, turns, rng)
        output *= 2


def network_of(neuron_types, probed=None, n_neurons=20):
    """Ensembles with feedback; everything in the neurons that can be is probed."""
    with nengo.Network(seed=4) as net:
        configure_settings(dtype="float64")
        stimulus = nengo.Node(lambda t: np.sin(20 * t))
        for neuron_type in neuron_types:
            ens = nengo.Ensemble(n_neurons, 1, neuron_type=neuron_type)
            nengo.Connection(stimulus, ens)
            nengo.Connection(ens, ens, synapse=0.02, transform=0.3)
            for attribute in probed or neuron_type.probeable:
                nengo.Probe(ens.neurons, attribute)
    return net


def python_types(sim):
    """The neuron types that keep a simulation from being compiled."""
    graph = sim.program
    return {
        type(op.neurons)
        for op in graph.builder.not_compilable(graph.memory.environment())
    }


def test_native_types():
    """In 150 steps: with every spike, Izhikevich's neurons amplify what is rounded."""
    net = network_of(NATIVE)
    with nengo.Simulator(net, progress_bar=False) as sim:
        sim.run_steps(150)
    expected = {probe: np.array(sim.data[probe]) for probe in net.probes}
    with Simulator(net, progress_bar=False) as sim:
        assert python_types(sim) == set()
        sim.run_steps(150)
        actual = {probe: np.array(sim.data[probe]) for probe in net.probes}
    assert_same(actual, expected)


def test_types_of_python():
    net = network_of([Rotor(), OtherRotor(), nengo.LIF()])
    expected = reference_data(net, [100])
    assert_same(simulated_data(net, [100]), expected)
    with Simulator(net, minibatch_size=2, progress_bar=False) as sim:
        assert python_types(sim) == {Rotor, OtherRotor}
        for _ in range(2):  # after a reset the random numbers are the same
            sim.run_steps(40)
            sim.run_steps(60)
            data = {probe: np.array(sim.data[probe]) for probe in net.probes}
            assert_same({probe: x[0] for probe, x in data.items()}, expected)
            turns = data[net.probes[2]]
            assert (turns[0] != turns[1]).any()
            sim.reset()


@pytest.mark.parametrize("neuron_type", [nengo.StochasticSpiking, nengo.PoissonSpiking])
def test_random_types(neuron_type):
    types = [neuron_type(nengo.LIFRate()), neuron_type(nengo.Tanh(), amplitude=0.1)]
    net = network_of(types, probed=["output", "rate_out"], n_neurons=50)
    rates = reference_data(net, [500])[net.probes[1]].mean()
    data = simulated_data(net, [500], minibatch_size=2)
    spikes, rate_out, *_ = (data[probe] for probe in net.probes)
    np.testing.assert_allclose(spikes.mean(), rates, rtol=0.05)
    np.testing.assert_allclose(rate_out.mean(), rates, rtol=0.05)
    assert (spikes[0] != spikes[1]).any()
    # in pieces, alone, and interpreted
    with net:
        configure_settings(jit_compile=False)
    alone = simulated_data(net, [120, 380])
    assert_same(alone, {probe: x[0] for probe, x in data.items()})


class Square(nengo.neurons.NeuronType):
    """A neuron type of a user."""

    exponent = nengo.params.NumberParam("exponent")
    state = {"mean": nengo.dists.Choice([0])}  # noqa: RUF012

    def __init__(self, exponent=2.0):
        super().__init__()
        self.exponent = exponent

    def gain_bias(self, max_rates, intercepts):
        return np.ones_like(max_rates), np.ones_like(max_rates)

    def rates(self, x, gain, bias):
        return np.abs(self.current(x, gain, bias)) ** self.exponent

    def step(self, dt, J, output, mean):
        output[...] = np.abs(J) ** self.exponent
        mean += dt * (output - mean)


class SquareBuilder(TFNeuronBuilder):
    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.exponent = self.constant(signals, lambda neurons: neurons.exponent)

    def step(self, J, dt, mean):
        output = tf.abs(J) ** self.exponent
        return output, mean + dt * (output - mean)


def test_type_of_a_user(monkeypatch):
    net = network_of([Square(), Square(exponent=3)])
    with Simulator(net, progress_bar=False) as sim:
        assert python_types(sim) == {Square}
    monkeypatch.setitem(SimNeuronsBuilder.TF_NEURON_IMPL, Square, SquareBuilder)
    with Simulator(net, progress_bar=False) as sim:
        assert python_types(sim) == set()
    assert_same(simulated_data(net, [100]), reference_data(net, [100]))


def test_merging():
    """Neurons of one type are computed at once, with parameters of their own."""
    types = [
        nengo.LIF(),
        nengo.LIF(tau_rc=0.1, amplitude=0.1),
        nengo.LIF(tau_ref=0.001),
    ]
    net = network_of(types, probed=["output"])
    with Simulator(net, progress_bar=False) as sim:
        groups = [
            group
            for group in sim.program.optimized.plan
            if isinstance(group[0], SimNeurons)
        ]
        assert [len(group) for group in groups] == [3]
        sim.run_steps(200)
        actual = {probe: np.array(sim.data[probe]) for probe in net.probes}
    assert_same(actual, reference_data(net, [200]))
