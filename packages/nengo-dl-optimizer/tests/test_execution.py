"""The executor: Python functions, users' operators, state, what is recorded."""

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
from simulations import N_STEPS, assert_close, noisy, reference


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
        for found, values in zip(sim.model.probes, expected.values(), strict=True):
            assert_close(sim.data[found], values)

    def test_each_item_draws_for_itself(self):
        sim = NumPySimulator(model=with_own_operators(), seed=4, n_items=2)
        sim.run_steps(N_STEPS)
        for item in range(2):
            expected = reference(None, model=with_own_operators(), seed=4 + item)
            # the probes before these are of random neurons, too
            for found, values in list(
                zip(sim.model.probes, expected.values(), strict=True)
            )[-2:]:
                assert_close(sim.data[found][:, item], values)

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
