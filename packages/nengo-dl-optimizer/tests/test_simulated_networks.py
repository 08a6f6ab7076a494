"""Networks have the values that `nengo.Simulator` gives them, with NumPy alone."""

import nengo
import numpy as np
import pytest
from nengo.builder.operator import Copy
from nengo.builder.signal import Signal

from nengo_dl_optimizer import (
    NumPyExecutor,
    NumPySimulator,
    OperatorGraph,
    SignalFacts,
    optimize,
)
from random_networks import random_network
from simulations import N_STEPS, assert_close, learning, noisy, reference


def assert_equals_reference(net, n_steps=N_STEPS, seed=None):
    sim = NumPySimulator(net, seed=seed)
    sim.run_steps(n_steps)
    expected = reference(net, n_steps, seed)
    for probe, values in expected.items():
        assert np.abs(values).max() > 0
        assert_close(sim.data[probe], values)


NEURON_TYPES = [
    nengo.LIF(),
    nengo.LIF(tau_rc=0.03, tau_ref=0.001, min_voltage=-1, amplitude=0.5),
    nengo.LIF(tau_ref=0.0003),
    nengo.LIFRate(),
    nengo.AdaptiveLIF(),
    nengo.AdaptiveLIFRate(),
    nengo.Izhikevich(),
    nengo.RectifiedLinear(),
    nengo.SpikingRectifiedLinear(),
    nengo.Sigmoid(),
    nengo.Tanh(),
    nengo.RegularSpiking(nengo.Tanh()),
]


class Doubled(nengo.LIFRate):
    """A user's neuron type, in which the neurons are not independent."""

    def step(self, dt, J, output):
        super().step(dt, J - J.mean(), output)
        output *= 2


class TestNetworks:
    """Probes have the reference's values."""

    @pytest.mark.parametrize("seed", range(30))
    def test_random_networks(self, seed):
        net = random_network(seed, 6)
        sim = NumPySimulator(net)
        sim.run_steps(N_STEPS)
        for probe, values in reference(net).items():
            assert_close(sim.data[probe], values)

    @pytest.mark.parametrize("neuron_type", [*NEURON_TYPES, Doubled()], ids=repr)
    def test_neuron_types(self, neuron_type):
        with nengo.Network(seed=0) as net:
            stimulus = nengo.Node(lambda t: 2 * np.sin(20 * t))
            for n_neurons in (1, 10, 25):
                ensemble = nengo.Ensemble(n_neurons, 1, neuron_type=neuron_type)
                nengo.Connection(stimulus, ensemble)
                nengo.Probe(ensemble.neurons)
                nengo.Probe(ensemble, synapse=0.01)
        sim = NumPySimulator(net)
        sim.run_steps(300)
        for probe, values in reference(net, 300).items():
            assert_close(sim.data[probe], values)

    @pytest.mark.parametrize(
        "rule",
        [nengo.PES(), nengo.RLS(), nengo.Voja(), nengo.BCM(), nengo.Oja()],
        ids=repr,
    )
    def test_learning_rules(self, rule):
        assert_equals_reference(learning(rule), 200)

    @pytest.mark.parametrize("seed", [None, 0, 99])
    def test_noise_has_the_seed(self, seed):
        net = noisy()
        sim = NumPySimulator(net, seed=seed)
        sim.run_steps(N_STEPS)
        for probe, values in reference(net, seed=seed).items():
            assert_close(sim.data[probe], values)

    @pytest.mark.parametrize(
        "synapse",
        [
            nengo.Lowpass(0.01),
            nengo.Lowpass(0),
            nengo.Alpha(0.02),
            nengo.LinearFilter([1, 2], [0.01, 1], analog=False),
            nengo.LinearFilter([0.5], [1], analog=False),
            nengo.LinearFilter([1], [1e-4, 0.02, 1]),
            nengo.synapses.Triangle(0.01),
        ],
        ids=repr,
    )
    def test_synapses(self, synapse):
        with nengo.Network() as net:
            node = nengo.Node(lambda t: [np.cos(50 * t), t])
            other = nengo.Node(lambda t: 1 - t)
            for source in (node, other):
                nengo.Probe(source, synapse=synapse)
            nengo.Probe(node, synapse=nengo.Lowpass(0.03))
        assert_equals_reference(net)

    @pytest.mark.parametrize("channels_last", [True, False])
    @pytest.mark.parametrize("padding", ["valid", "same"])
    @pytest.mark.parametrize("dimensions", [1, 2])
    @pytest.mark.parametrize("strides", [1, 2])
    def test_convolutions(self, channels_last, padding, dimensions, strides):
        channels = 2
        size = (6, 5)[:dimensions]
        shape = (*size, channels) if channels_last else (channels, *size)
        with nengo.Network(seed=0) as net:
            image = nengo.Node(lambda t: np.cos(np.arange(np.prod(shape)) + 100 * t))
            for _ in range(2):
                transform = nengo.Convolution(
                    3,
                    nengo.transforms.ChannelShape(shape, channels_last),
                    kernel_size=(3, 2)[:dimensions],
                    strides=(strides,) * dimensions,
                    padding=padding,
                    channels_last=channels_last,
                )
                output = nengo.Node(size_in=transform.output_shape.size)
                nengo.Connection(image, output, transform=transform, synapse=None)
                nengo.Probe(output)
        assert_equals_reference(net, 5)

    def test_steps_of_other_lengths(self):
        net = random_network(3, 6)
        model = nengo.builder.Model(dt=0.0005)
        model.build(net)
        sim = NumPySimulator(model=model, seed=5)
        sim.run(0.02)
        assert (sim.n_steps, sim.dt) == (40, 0.0005)
        for probe, values in reference(None, 40, seed=5, model=model).items():
            assert_close(sim.data[probe], values)


class TestMinibatches:
    """Each item of a minibatch is a simulation of its own."""

    @pytest.mark.parametrize("seed", range(10))
    def test_random_networks(self, seed):
        net = random_network(seed, 6)
        sim = NumPySimulator(net, n_items=3)
        sim.run_steps(N_STEPS)
        for probe, values in reference(net).items():
            for item in range(3):
                assert_close(sim.data[probe][:, item], values)

    @pytest.mark.parametrize(
        "rule",
        [nengo.PES(), nengo.RLS(), nengo.Voja(), nengo.BCM(), nengo.Oja()],
        ids=repr,
    )
    def test_learning_rules(self, rule):
        net = learning(rule)
        sim = NumPySimulator(net, n_items=2)
        sim.run_steps(N_STEPS)
        for probe, values in reference(net).items():
            for item in range(2):
                assert_close(sim.data[probe][:, item], values)

    def test_noise_is_that_of_simulations_with_the_next_seeds(self):
        with nengo.Network(seed=0) as net:
            noise = nengo.Node(nengo.processes.WhiteNoise(), size_out=2)
            fixed = nengo.Node(nengo.processes.WhiteNoise(seed=3), size_out=2)
            ensemble = nengo.Ensemble(20, 2, noise=nengo.processes.WhiteNoise())
            nengo.Connection(noise, ensemble)
            for source in (noise, fixed, ensemble):
                nengo.Probe(source, synapse=0.01)
        sim = NumPySimulator(net, n_items=3, seed=8)
        sim.run_steps(N_STEPS)
        for item in range(3):
            for probe, values in reference(net, seed=8 + item).items():
                assert_close(sim.data[probe][:, item], values)

    def test_random_neurons_differ_between_items(self):
        net = noisy()
        sim = NumPySimulator(net, n_items=2)
        sim.run_steps(N_STEPS)
        for probe, values in reference(net).items():
            assert_close(sim.data[probe][:, 0], values)
            if probe.target in net.all_ensembles:
                assert not np.allclose(sim.data[probe][:, 1], values)

    def test_each_item_has_its_input(self):
        given, y = Signal(np.zeros(2)), Signal(np.zeros(2))
        facts = {
            s: SignalFacts(minibatched=True, external=s is given) for s in (given, y)
        }
        plan = optimize(OperatorGraph([Copy(given, y, inc=True)], facts))
        executor = NumPyExecutor(plan, n_items=3)
        inputs = np.arange(24.0).reshape(4, 3, 2)
        (values,) = executor.run(4, [y], {given: inputs})
        np.testing.assert_array_equal(values, np.cumsum(inputs, axis=0))

    def test_there_is_at_least_one(self):
        with pytest.raises(nengo.exceptions.BuildError, match="at least 1, not 0"):
            NumPySimulator(nengo.Network(), n_items=0)
