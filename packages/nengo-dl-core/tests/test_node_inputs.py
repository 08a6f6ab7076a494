"""Input Nodes, evaluated ahead as the reference simulator evaluates them."""

import nengo
import numpy as np
import pytest
from nengo.exceptions import SimulationError
from nengo.processes import (
    BrownNoise,
    FilteredNoise,
    Piecewise,
    PresentInput,
    WhiteNoise,
    WhiteSignal,
)

from nengo_dl_core import Simulator, configure_settings
from nengo_dl_core.network.process_seeds import ProcessSeeds
from reference import (
    assert_matches_reference,
    assert_same,
    reference_data,
    simulated_data,
)


def processes():
    return [
        WhiteSignal(0.5, 10, rms=0.3),
        WhiteNoise(),
        FilteredNoise(),
        BrownNoise(),
        PresentInput([[1.0], [2.0], [0.5]], 0.03),
        Piecewise({0: 0.5, 0.05: -1, 0.1: 1}),
        WhiteNoise(seed=3),
    ]


@pytest.fixture
def net():
    with nengo.Network() as net:
        configure_settings(dtype="float64")
        for process in processes():
            nengo.Probe(nengo.Node(process, size_out=1), synapse=0.01)
    return net


def test_processes_equal_the_reference(net):
    assert_matches_reference(net, 200, seed=4)


def test_subclasses_of_node_are_inputs_too():
    """Such as those of NengoSPA."""

    class Stimulus(nengo.Node):
        pass

    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        nodes = Stimulus(np.sin, size_out=1), Stimulus([0.5]), Stimulus(WhiteNoise())
        for node in nodes:
            nengo.Probe(nengo.Ensemble(10, 1), synapse=0.01)
            nengo.Connection(node, net.ensembles[-1])
    assert_matches_reference(net, 50, seed=4)
    with Simulator(net, progress_bar=False) as sim:
        assert sim.diagnose().compiled
        assert [source.node for source in sim.program.inputs] == [*nodes]


def test_items_of_a_minibatch_have_noise_of_their_own(net):
    batch = simulated_data(net, [50], seed=4, minibatch_size=2)
    for item in range(2):
        expected = reference_data(net, [50], seed=4 + item)
        assert_same({probe: x[item] for probe, x in batch.items()}, expected)
    noise, seeded = batch[net.probes[1]], batch[net.probes[6]]
    assert not np.allclose(noise[0], noise[1])
    np.testing.assert_array_equal(seeded[0], seeded[1])


def test_functions_that_share_an_object_are_called_in_turn():
    calls = []
    with nengo.Network() as net:
        for name in "ab":
            node = nengo.Node(lambda t, name=name: calls.append(name) or 0)
            nengo.Probe(node)
    with Simulator(net, progress_bar=False) as sim:
        calls.clear()
        sim.run_steps(3)
    assert calls == ["a", "b"] * 3


def test_functions_are_called_for_exactly_the_steps_of_a_run():
    times = []
    with nengo.Network() as net:
        nengo.Probe(nengo.Node(lambda t: times.append(t) or [1, 2]))
    with Simulator(net, progress_bar=False) as sim:
        times.clear()
        sim.run_steps(3)
        sim.run_steps(600)
    np.testing.assert_array_equal(times, np.arange(1, 604) * 0.001)


def test_a_scalar_is_broadcast():
    with nengo.Network() as net:
        node = nengo.Node(lambda t: t, size_out=2)
        node.output = lambda t: [t, 2 * t] if t == 0 else np.array([t, t])
        probe = nengo.Probe(node)
    with Simulator(net, progress_bar=False) as sim:
        sim.run_steps(2)
        np.testing.assert_allclose(sim.data[probe], [[0.001] * 2, [0.002] * 2])


def test_data_replaces_what_a_node_defines():
    def never(t):
        assert t == 0, "called although data is given"
        return 0.0

    with nengo.Network() as net:
        node = nengo.Node(never)
        other = nengo.Node(lambda t: t)
        probe, p_other = nengo.Probe(node), nengo.Probe(other)
    values = np.arange(5.0).reshape((1, 5, 1))
    with Simulator(net, progress_bar=False) as sim:
        sim.run_steps(5, data={node: values})
        np.testing.assert_array_equal(sim.data[probe], values[0])
        np.testing.assert_allclose(sim.data[p_other][:, 0], sim.trange(), rtol=1e-6)


def test_seeds_are_drawn_in_the_order_of_the_reference(net):
    model = nengo.builder.Model()
    model.build(net)
    seeds = ProcessSeeds(model.operators, 2, 7)
    drawing = [
        op
        for op in model.operators
        if isinstance(op, nengo.builder.processes.SimProcess)
        and op.process.seed is None
    ]
    draws = {seeds.seeds(op)[0] for op in drawing}
    rng = np.random.RandomState(7)
    expected = {rng.randint(nengo.utils.numpy.maxint) for _ in drawing}
    assert draws == expected


@pytest.mark.parametrize("has_input", [False, True])
@pytest.mark.parametrize("minibatch_size", [None, 1, 4])
@pytest.mark.parametrize(
    "shape",
    [(), (1,), (1, 1), (3,), (1, 3), (1, 1, 3), (3, 1), (2,), (4, 1), (4, 3), (0,)],
)
def test_shapes_of_values_are_those_of_the_reference(shape, minibatch_size, has_input):
    values = np.arange(1.0, 1 + np.prod(shape, dtype=int)).reshape(shape)
    with nengo.Network() as net:
        configure_settings(dtype="float64", jit_compile=False)
        if has_input:
            node = nengo.Node(lambda t, x: values, size_in=1, size_out=3)
        else:
            node = nengo.Node(lambda t: values, size_out=3)
        probe = nengo.Probe(node)
    try:
        expected = reference_data(net, [2])[probe]
    except SimulationError:
        with pytest.raises(SimulationError, match="expected 3"):
            simulated_data(net, [2], minibatch_size=minibatch_size)
    else:
        actual = simulated_data(net, [2], minibatch_size=minibatch_size)[probe]
        items = actual if minibatch_size else [actual]
        np.testing.assert_array_equal(items, [expected] * len(items))
