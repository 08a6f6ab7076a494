"""Delays, fixed and learned."""

import pickle

import nengo
import numpy as np
import pytest
from nengo.exceptions import ValidationError

from nengo_dl_core import Delay, Simulator, configure_settings
from reference import assert_matches_reference, assert_same, simulated_data

N_STEPS = 60


def delays(rng, size):
    """Fixed and learned delays of up to 20 steps, alike and by element."""
    return [
        Delay(rng.integers(0, 21)),
        Delay(rng.integers(0, 21, size)),
        Delay(rng.integers(0, 21), max_steps=20),
        Delay(rng.uniform(0, 20, size), max_steps=20),
    ]


def network(synapses, size=3, **settings):
    """Delays between Nodes, in loops, of neurons, as probes and as Nodes."""
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64", **settings)
        output = nengo.processes.PresentInput(waves(1, N_STEPS, size)[0], 0.001)
        net.node = nengo.Node(output)
        for synapse in synapses:
            relay = nengo.Node(size_in=size)
            nengo.Connection(net.node, relay, synapse=synapse)
            nengo.Connection(relay, relay, synapse=synapse, transform=0.4)
            nengo.Probe(relay, synapse=synapse)
            neurons = nengo.Ensemble(size, 1, neuron_type=nengo.LIF()).neurons
            nengo.Connection(relay, neurons, synapse=synapse)
            nengo.Probe(neurons, synapse=0.01)
            node = nengo.Node(synapse, size_in=size, size_out=size)
            nengo.Connection(relay, node, synapse=None)
            nengo.Probe(node)
    return net


def learning(synapse, size=1, **settings):
    """A single delay, and nothing else that could be learned."""
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64", **settings)
        net.node = nengo.Node(np.zeros(size))
        net.relay = nengo.Node(size_in=size)
        net.delayed = nengo.Connection(net.node, net.relay, synapse=synapse)
        net.probe = nengo.Probe(net.relay)
    return net


def simulator(net, **options):
    return Simulator(net, progress_bar=False, **options)


def waves(n_items, n_steps, size):
    """Smooth signals that are different everywhere."""
    rng = np.random.default_rng(0)
    phase, frequency = rng.uniform(0, 6, (2, n_items, 1, size))
    return np.sin(phase + (1 + frequency) * np.arange(n_steps)[:, None] / 10)


@pytest.mark.parametrize("seed", range(3))
def test_equals_reference(seed, executor):
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 5)
    net = network(delays(rng, size), size)
    expected = assert_matches_reference(net, N_STEPS)
    minibatch = simulated_data(net, [7, 1, N_STEPS - 8], minibatch_size=2)
    assert_same({probe: x[1] for probe, x in minibatch.items()}, expected)


def test_uncompiled():
    net = network(delays(np.random.default_rng(0), 3), jit_compile=False)
    assert_matches_reference(net, N_STEPS, unroll_simulation=2)


def test_filt():
    x = np.arange(1.0, 13).reshape((6, 2))
    for steps in (0, 4, 9, [1, 3]):
        expected = np.zeros_like(x)
        for i, n in enumerate(np.broadcast_to(steps, 2)):
            expected[n:, i] = x[: max(len(x) - n, 0), i]
        np.testing.assert_array_equal(Delay(steps).filt(x), expected)
    np.testing.assert_array_equal(Delay(2).filt(x, y0=7)[:3], [[7, 7], [7, 7], x[0]])


@pytest.mark.parametrize("place", [np.nan, np.inf])
def test_what_is_not_finite_stays_where_it_is(place):
    net = learning(Delay([2, 0, 4]), 3)
    x = np.zeros((1, 8, 3))
    x[0, 1] = place
    with simulator(net) as sim:
        sim.run_steps(8, data={net.node: x})
        spoiled = ~np.isfinite(sim.data[net.probe])
    assert [list(np.flatnonzero(column)) for column in spoiled.T] == [[4], [2], [6]]


@pytest.mark.filterwarnings("ignore:'Node.size_out' is being overwritten")
def test_state(executor):
    """A delay remembers through a copy, a pickle and a reset."""
    net = network(delays(np.random.default_rng(1), 3))
    with simulator(net, minibatch_size=2) as sim:
        sim.run_steps(25)
        state, copy = sim.state(), pickle.dumps(sim)
        sim.run_steps(20)
        expected = {probe: sim.data[probe][:, 25:] for probe in net.all_probes}
        sim.reset()
        sim.run_steps(45)
        again = {probe: sim.data[probe][:, 25:] for probe in net.all_probes}
        sim.run_steps(3)
        sim.restore(state)
        sim.run_steps(20)
        restored = {probe: sim.data[probe][:, -20:] for probe in net.all_probes}
    for found in (again, restored):
        assert_same(found, expected)
    with pickle.loads(copy) as sim:
        sim.run_steps(20)
        pickled = [sim.data[probe][:, -20:] for probe in sim.model.probes]
    assert_same(dict(zip(expected, pickled, strict=True)), expected)


@pytest.mark.parametrize(
    "synapse",
    [
        Delay(3),
        Delay([0, 2, 1]),
        Delay(2.3, max_steps=5),
        Delay([0.2, 3.9, 4.5], max_steps=5),
        Delay([0.5, 0.1, 0.9], max_steps=1),
    ],
    ids=str,
)
@pytest.mark.parametrize("recurrent", [False, True])
def test_gradients(synapse, recurrent):
    """With respect to inputs, weights and delays; at once, and step by step."""
    net = learning(synapse, 3)
    with net:
        output = nengo.Node(size_in=3)
        weights = np.random.default_rng(0).normal(size=(3, 3))
        nengo.Connection(net.relay, output, transform=weights, synapse=synapse)
        if recurrent:
            nengo.Connection(output, net.relay, transform=weights / 3, synapse=synapse)
        nengo.Probe(output)
    with simulator(net, minibatch_size=2) as sim:
        sim.check_gradients({net.node: waves(2, 12, 3)})


def test_between_steps():
    """In training a delay interpolates, up to the ends of its range."""
    net = learning(Delay([1.25, 2.0, 4.0, 0.0], max_steps=4), 4)
    x = waves(1, 9, 4)
    with simulator(net) as sim:
        name = sim.program.probe_names[net.probe]
        node = sim.program.input_names[net.node]
        inputs = {node: x, "n_steps": np.full((1, 1), 9)}
        found = sim.keras_model(inputs, training=True)[name].numpy()[0]
    past = np.concatenate([np.zeros((5, 4)), x[0]])  # a step more, for the connection
    at = [past[4 - n : 13 - n] for n in range(5)]
    expected = [
        0.75 * at[1][:, 0] + 0.25 * at[2][:, 0],
        at[2][:, 1],
        at[4][:, 2],
        at[0][:, 3],
    ]
    np.testing.assert_allclose(found, np.stack(expected, 1), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("synapse", "size", "aim"),
    [(Delay(2, max_steps=10), 2, [6, 6]), (Delay([5, 1], max_steps=10), 2, [2, 4])],
)
def test_fit_finds_delays(synapse, size, aim):
    net = learning(synapse, size)
    x = waves(32, 40, size)
    with simulator(learning(Delay(aim), size), minibatch_size=32) as sim:
        (y,) = sim.predict(x).values()
    with simulator(net, minibatch_size=32) as sim:
        sim.compile(optimizer=_adam(0.1), loss="mse")
        before = sim.evaluate(x, y, verbose=0)["loss"]
        sim.fit(x, y, epochs=150, verbose=0)
        assert before > 0.1
        assert sim.evaluate(x, y, verbose=0)["loss"] == 0  # of whole steps
        (found,) = sim.data.get_params((net.delayed, "delays"))
    np.testing.assert_allclose(found, aim[: len(found)], atol=0.1)


def _adam(rate):
    import keras

    return keras.optimizers.Adam(rate)


def test_comes_back_into_its_range():
    """What an optimizer has moved out of the range is at its end, and not stuck."""
    net = learning(Delay(3, max_steps=4))
    x = waves(8, 30, 1)
    with simulator(learning(Delay(2)), minibatch_size=8) as sim:
        (y,) = sim.predict(x).values()
    with simulator(net, minibatch_size=8) as sim:
        (block,) = sim.keras_model.trainable_variables
        block.assign([6.5])
        assert sim.get_nengo_params([net.delayed])[0]["synapse"].steps == 4
        at_end = sim.predict(x)[net.probe]
        block.assign([4.0])
        np.testing.assert_array_equal(sim.predict(x)[net.probe], at_end)
        block.assign([6.5])
        sim.compile(optimizer=_adam(0.1), loss="mse")
        sim.fit(x, y, epochs=100, verbose=0)
        assert sim.evaluate(x, y, verbose=0)["loss"] == 0


def changed(net):
    """A simulator whose delays have been learned: none is what it was."""
    sim = simulator(net)
    for variable in sim.keras_model.trainable_variables:
        variable.assign_add(2.6 * np.ones(variable.shape))
    return sim


def test_parameters(tmp_path, executor):
    """They are rounded in runs, and taken over by networks and files."""
    net = learning(Delay([1.0, 4.0, 0.3], max_steps=9), 3)
    x = waves(1, 20, 3)
    with changed(net) as sim:
        sim.run_steps(20, data={net.node: x})
        expected = sim.data[net.probe]
        (learned,) = sim.data.get_params((net.delayed, "delays"))
        (arguments,) = sim.get_nengo_params([net.delayed])
        sim.save_params(tmp_path / "delays")
        sim.freeze_params(net)
    np.testing.assert_allclose(learned, [3.6, 6.6, 2.9])
    assert arguments["synapse"] == net.delayed.synapse
    assert net.delayed.synapse == Delay(learned, max_steps=9)
    for synapse in (net.delayed.synapse, Delay([4, 7, 3])):
        frozen = learning(synapse, 3)
        frozen.node.output = nengo.processes.PresentInput(x[0], 0.001)
        assert_matches_reference(frozen, 20)
        assert_same(simulated_data(frozen, [20]), {frozen.probe: expected})
    net = learning(Delay([0, 0, 0], max_steps=9), 3)
    with simulator(net, minibatch_size=2) as sim:
        sim.load_params(tmp_path / "delays")
        sim.run_steps(20, data={net.node: np.repeat(x, 2, 0)})
        assert_same({net.probe: sim.data[net.probe][1]}, {net.probe: expected})


def test_one_delay_for_all_is_a_number():
    net = learning(Delay(1, max_steps=9), 3)
    with changed(net) as sim:
        sim.freeze_params(net)
    assert net.delayed.synapse.steps.shape == ()
    assert net.delayed.synapse.steps == pytest.approx(3.6)


def test_not_trainable():
    """Delays stay as they are if they have no range, or are set not to be trained."""
    net = learning(Delay(4, max_steps=9))
    with net:
        nengo.Connection(net.node, net.relay, synapse=Delay(4))
        nengo.Probe(net.relay, synapse=Delay(4, max_steps=9))
    with simulator(net) as sim:
        assert len(sim.keras_model.trainable_variables) == 1
    with net:
        configure_settings(trainable=None)
    net.config[net.delayed].trainable = False
    with simulator(net) as sim:
        assert not sim.keras_model.trainable_variables


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"steps": -1}, "negative"),
        ({"steps": [1, np.inf]}, "infinite"),
        ({"steps": 1.5}, "max_steps"),
        ({"steps": [2, 5], "max_steps": 4}, "max_steps, 4"),
        ({"steps": [[1]]}, r"\(1, 1\)"),
        ({"steps": 0, "max_steps": 0}, "max_steps"),
    ],
)
def test_mistakes(arguments, words):
    with pytest.raises(ValidationError, match=words):
        Delay(**arguments)


def test_wrong_number_of_delays():
    with pytest.raises(ValidationError, match=r"2 delays .* shape \(3,\)"):
        simulator(learning(Delay([1, 2]), 3))
