"""The executor computes what `nengo.Simulator` computes, with NumPy alone."""

import subprocess
import sys

import nengo
import numpy as np
import pytest
from nengo.builder.operator import Copy, Operator
from nengo.builder.signal import Signal

from nengo_dl_optimizer import (
    NumPyExecutor,
    NumPySimulator,
    OperatorGraph,
    SignalFacts,
    default_kernels,
    optimize,
    per_item,
)
from random_networks import random_network

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


def assert_equals_reference(net, n_steps=N_STEPS, seed=None):
    sim = NumPySimulator(net, seed=seed)
    sim.run_steps(n_steps)
    expected = reference(net, n_steps, seed)
    for probe, values in expected.items():
        assert np.abs(values).max() > 0
        assert_close(sim.data[probe], values)


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


class TestPython:
    """Python functions are called in the order of the plan, never ahead."""

    def test_a_function_reads_what_another_has_changed(self):
        seen = []
        with nengo.Network() as net:
            first = nengo.Node(lambda t: seen.append(t) or len(seen))
            second = nengo.Node(lambda t, x: x + len(seen), size_in=1)
            nengo.Connection(first, second, synapse=None)
            probe = nengo.Probe(second)
        sim = NumPySimulator(net)
        seen.clear()  # Nengo has called the function to learn its size
        sim.run_steps(4)
        assert sim.data[probe].ravel().tolist() == [2, 4, 6, 8]

    @pytest.mark.parametrize("value", [None, np.nan, [1.0, np.inf], "text", [1, 2, 3]])
    def test_useless_values_are_refused(self, value):
        with nengo.Network() as net:
            node = nengo.Node(lambda t: value if t > 0.001 else [0, 0], size_out=2)
            nengo.Probe(node)
        sim = NumPySimulator(net)
        sim.step()
        with pytest.raises(nengo.exceptions.SimulationError, match="Function '<lambda"):
            sim.step()

    def test_results_that_are_no_numbers_raise_an_error(self):
        a, b = Signal(np.array([np.inf])), Signal(np.array([-np.inf]))
        y = Signal(np.zeros(1))
        plan = optimize(
            OperatorGraph([Copy(a, y), Copy(b, y, inc=True)]), simplifications=[]
        )
        with pytest.raises(FloatingPointError):
            NumPyExecutor(plan).step()
        executor = NumPyExecutor(plan, invalid="ignore")
        executor.step()
        assert np.isnan(executor.memory[y])


class Walk(Operator):
    """A user's operator with random numbers and state of its own."""

    def __init__(self, x, y):
        super().__init__()
        self.sets, self.incs, self.reads, self.updates = [], [], [x], [y]

    def make_step(self, signals, dt, rng):
        x, y = signals[self.reads[0]], signals[self.updates[0]]

        def step():
            y[...] += x + rng.normal(size=y.shape)

        return step


class LoudCopy(Copy):
    """A user's version of an operator that is known."""

    def make_step(self, signals, dt, rng):
        source, target = signals[self.src], signals[self.dst]

        def step():
            target[...] = 10 * source

        return step


def with_own_operators():
    """Build a model with noise and a user's operators."""
    model = nengo.builder.Model()
    net = noisy()
    model.build(net)
    x = model.sig[net.all_nodes[0]]["out"]
    for _ in range(2):
        y, z = Signal(np.zeros(1)), Signal(np.zeros(1))
        model.add_op(Walk(x, y))
        model.add_op(LoudCopy(y, z))
        probe = nengo.Probe(net.all_nodes[0], add_to_container=False)
        model.build(probe)
        model.sig[probe]["in"] = z
        model.add_op(nengo.builder.probe.SimProbe(z))
    return model


class TestOwnOperators:
    """Operators of unknown types run by their own steps."""

    def test_they_draw_what_the_reference_would_let_them_draw(self):
        sim = NumPySimulator(model=with_own_operators(), seed=4)
        sim.run_steps(N_STEPS)
        expected = reference(None, model=with_own_operators(), seed=4)
        assert len(expected) == len(sim.data._values)
        for found, values in zip(sim.model.probes, expected.values(), strict=True):
            assert_close(sim.data[found], values)

    def test_a_kernel_takes_the_place_of_another(self):
        groups = []

        @per_item
        def halved(group, memory, dt):
            groups.append(group)
            return [lambda op=op: memory[op.dst].fill(0.5) for op in group]

        x, y, z = (Signal(np.ones(2)) for _ in range(3))
        plan = optimize(OperatorGraph([Copy(x, y), LoudCopy(x, z)]), simplifications=[])
        executor = NumPyExecutor(plan, kernels={LoudCopy: halved})
        executor.step()
        assert [len(group) for group in groups] == [1]
        assert executor.memory[y].tolist() == [1, 1]
        assert executor.memory[z].tolist() == [0.5, 0.5]
        assert LoudCopy not in default_kernels


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


class TestState:
    """What a step leaves to the next is a value."""

    @pytest.mark.parametrize("n_items", [None, 2])
    def test_a_run_goes_on_from_a_saved_state(self, n_items):
        sim, other = (NumPySimulator(noisy(), seed=3, n_items=n_items) for _ in "ab")
        sim.run_steps(20)
        state = sim.executor.state
        sim.run_steps(20)
        other.run_steps(7)
        other.executor.state = state
        assert other.n_steps == 20
        other.run_steps(20)
        for one, two in zip(sim.model.probes, other.model.probes, strict=True):
            np.testing.assert_array_equal(sim.data[one][20:], other.data[two][7:])

    def test_a_state_brings_its_seed(self):
        sim, other = (NumPySimulator(noisy(), seed=seed) for seed in (3, 4))
        sim.run_steps(5)
        other.executor.state = sim.executor.state
        assert other.executor.seed == 3
        for each in (sim, other):
            each.run_steps(5)
        for one, two in zip(sim.model.probes, other.model.probes, strict=True):
            np.testing.assert_array_equal(sim.data[one][5:], other.data[two])

    def test_reset_begins_again(self):
        sim = NumPySimulator(noisy(), seed=3)
        sim.run_steps(10)
        first = dict(sim.data)
        sim.reset()
        assert sim.n_steps == 0
        sim.run_steps(10)
        for probe in sim.model.probes:
            np.testing.assert_array_equal(sim.data[probe], first[probe])
        sim.reset(seed=4)
        sim.run_steps(10)
        changed = [
            not np.array_equal(sim.data[probe], first[probe])
            for probe in sim.model.probes
        ]
        assert any(changed)

    def test_pieces_make_a_whole(self):
        whole, pieces = (NumPySimulator(noisy(), seed=3) for _ in "ab")
        whole.run_steps(12)
        for n_steps in (5, 0, 1, 6):
            pieces.run_steps(n_steps)
        for one, two in zip(whole.model.probes, pieces.model.probes, strict=True):
            np.testing.assert_array_equal(whole.data[one], pieces.data[two])

    def test_parameters_can_be_replaced(self):
        with nengo.Network(seed=0) as net:
            node, output = nengo.Node([1.0, 2.0]), nengo.Node(size_in=2)
            matrix = nengo.Connection(node, output, transform=np.eye(2) + 1)
            matrix.synapse = None
            probe = nengo.Probe(output)
        sim = NumPySimulator(net)
        sim.step()
        sim.executor.memory[sim.model.sig[matrix]["weights"]][...] = [[1, 0], [0, 3]]
        sim.step()
        assert sim.data[probe].tolist() == [[4, 5], [1, 6]]


class TestRecording:
    """What is recorded, and when."""

    def test_samples_are_those_of_the_reference(self):
        with nengo.Network(seed=0) as net:
            node = nengo.Node(lambda t: t)
            for period in (None, 0.001, 0.002, 0.0035, 0.01):
                nengo.Probe(node, sample_every=period)
        sim = NumPySimulator(net)
        for n_steps in (9, 11):
            sim.run_steps(n_steps)
        with nengo.Simulator(net, progress_bar=False) as expected:
            expected.run_steps(20)
        for probe in net.all_probes:
            np.testing.assert_array_equal(sim.data[probe], expected.data[probe])
            np.testing.assert_array_equal(
                sim.trange(probe.sample_every),
                expected.trange(sample_every=probe.sample_every),
            )

    def test_groups_can_be_traced(self):
        entered = []

        class Trace:
            def __init__(self, group):
                self.group = group

            def __enter__(self):
                entered.append(type(self.group[0]))

            def __exit__(self, *_):
                pass

        net = random_network(1, 4)
        executor = NumPySimulator(net).executor
        executor.run(2, trace=Trace)
        expected = [type(group[0]) for group, steps in executor.groups if steps]
        assert entered == 2 * expected

    def test_inputs_must_have_a_value_for_each_step(self):
        x, y = Signal(np.zeros(2)), Signal(np.zeros(2))
        graph = OperatorGraph([Copy(x, y, inc=True)], {x: SignalFacts(external=True)})
        executor = NumPyExecutor(optimize(graph))
        with pytest.raises(ValueError, match=r"\(3, 2\), for 3 steps, not \(2, 2\)"):
            executor.run(3, [y], {x: np.zeros((2, 2))})


def test_another_precision_is_possible():
    net = random_network(2, 6)
    sim = NumPySimulator(net, float_type="float32")
    sim.run_steps(5)
    for probe, values in reference(net, 5).items():
        assert sim.data[probe].dtype == np.float32
        np.testing.assert_allclose(sim.data[probe], values, rtol=1e-4, atol=1e-4)


def test_nothing_asks_for_tensorflow():
    code = (
        "import sys, nengo, nengo_dl_optimizer as o\n"
        "with nengo.Network(seed=0) as net: nengo.Probe(nengo.Ensemble(5, 1))\n"
        "o.NumPySimulator(net).run_steps(2)\n"
        "assert not {'tensorflow', 'keras', 'nengo_dl_core'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
