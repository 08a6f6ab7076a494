"""NumPy runs the first steps, until compilation would have been worth while."""

import pickle
from math import inf

import nengo
import numpy as np
import pytest

from nengo_dl_core import Simulator, configure_settings, tuning
from nengo_dl_core.engine.numpy_loop import NumPyLoop
from nengo_dl_core.engine.tensorflow_loop import TensorFlowLoop
from nengo_dl_core.program.program import Program
from reference import assert_same, recorded, reference_data

STEPS = 30


def sine(t):
    return np.sin(40 * t)


@pytest.fixture
def net():
    """Input Nodes of all kinds, noise in the loop, learning, random neurons."""
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        net.function = nengo.Node(sine)
        noise = nengo.Node(nengo.processes.WhiteNoise(), size_out=2)
        constant = nengo.Node([0.3])
        a, b = nengo.Ensemble(20, 2), nengo.Ensemble(10, 1)
        nengo.Connection(net.function, a[0])
        nengo.Connection(noise, a)
        nengo.Connection(constant, b, synapse=None)
        learned = nengo.Connection(a[0], b, learning_rule_type=nengo.PES())
        nengo.Connection(b, learned.learning_rule)
        net.p = nengo.Probe(b, synapse=0.01)
        nengo.Probe(learned, "weights")
        nengo.Probe(a.neurons)
    return net


def worth(steps, patch):
    """Let a compilation take as long as these steps in NumPy."""
    patch.setattr(tuning, "GROUP_SECONDS", 0)
    patch.setattr(tuning, "LOOP_SECONDS", steps)
    patch.setattr(tuning, "NUMPY_STEP_SECONDS", 1)
    for name in ("NEURONS", "GROUP", "PRODUCT", "WEIGHT", "ELEMENT", "UNCACHED"):
        patch.setattr(tuning, f"NUMPY_{name}_SECONDS", 0)


def simulator(net, **options):
    return Simulator(net, progress_bar=False, **options)


def kind(sim):
    return type(sim._runner.executor)


@pytest.mark.parametrize("steps", [0, 9, 10, STEPS, inf])
def test_equals_the_reference_wherever_it_changes(net, steps, monkeypatch):
    worth(steps, monkeypatch)
    pieces = [1, 9, STEPS - 10]
    assert_same(recorded(simulator(net), *pieces), reference_data(net, [STEPS]))


def test_what_was_asked_for_in_all_counts(net, monkeypatch):
    worth(10, monkeypatch)
    with simulator(net) as sim:
        assert sim.diagnose().steps_in_numpy == 10
        assert "steps in NumPy, before that: 10" in str(sim.diagnose())
        for n_steps in (3, 7):
            sim.run_steps(n_steps)
            assert kind(sim) is NumPyLoop
        assert "tracing" not in sim.diagnose().seconds
        sim.reset()
        sim.run_steps(1)
        assert kind(sim) is TensorFlowLoop
        sim.reset()
        sim.run_steps(1)
        assert kind(sim) is TensorFlowLoop  # what is compiled is used
        assert "tracing" in sim.diagnose().seconds


def test_long_runs_do_not_begin_in_numpy(net, monkeypatch):
    worth(10, monkeypatch)
    with simulator(net) as sim:
        sim.run_steps(11)
        assert kind(sim) is TensorFlowLoop


def test_predictions_are_compiled_at_once(net, monkeypatch):
    """They are repeated more often than runs, which then are compiled, too."""
    worth(inf, monkeypatch)
    given = np.random.default_rng(0).uniform(size=(4, STEPS, 1))
    with simulator(net, minibatch_size=2) as sim:
        sim.run_steps(STEPS, data={net.function: given[2:4]})
        assert kind(sim) is NumPyLoop
        sim.reset(include_probes=False)
        values = sim.predict({net.function: given})[net.p]
        assert kind(sim) is TensorFlowLoop
        assert sim.n_steps == 0
    np.testing.assert_allclose(values[2:4], sim.data[net.p], rtol=0, atol=1e-12)


def test_an_error_at_the_change_leaves_the_state(net, monkeypatch):
    worth(10, monkeypatch)
    with simulator(net) as sim:
        sim.run_steps(10)
        before = sim.state()
        monkeypatch.setattr(
            TensorFlowLoop, "_set_control", lambda *_: pytest.fail("interrupted")
        )
        with pytest.raises(pytest.fail.Exception):
            sim.run_steps(5)
        monkeypatch.undo()
        assert sim.state() == before
        sim.run_steps(STEPS - 10)
        actual = {probe: np.array(sim.data[probe]) for probe in net.all_probes}
    assert_same(actual, reference_data(net, [STEPS]))


def test_state_moves_with_a_simulation(net, monkeypatch):
    """Saved while NumPy runs it, and gone on from in TensorFlow; and back."""
    worth(inf, monkeypatch)
    with simulator(net) as sim:
        sim.run_steps(10)
        state, copied = sim.state(), pickle.dumps(sim)
        sim.run_steps(STEPS - 10)
        expected = sim.data[net.p]
    worth(0, monkeypatch)
    with pickle.loads(copied) as copy:
        copy.run_steps(STEPS - 10)
        assert kind(copy) is TensorFlowLoop
        (probe,) = (
            p for p in copy.data if getattr(p, "target", None) is not None and p.synapse
        )
        np.testing.assert_allclose(copy.data[probe], expected, rtol=0, atol=1e-12)
    with simulator(net) as sim:
        sim.restore(state)
        sim.run_steps(STEPS - 10)
        np.testing.assert_allclose(sim.data[net.p], expected[10:], rtol=0, atol=1e-12)


def test_training_and_runs_share_the_weights(monkeypatch):
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        node = nengo.Node([0.5])
        ens = nengo.Ensemble(20, 1, neuron_type=nengo.LIFRate())
        nengo.Connection(node, ens, synapse=None)
        probe = nengo.Probe(ens)
    given = np.ones((1, 5, 1))

    def trained():
        with simulator(net) as sim:
            sim.compile("sgd", loss="mse")
            sim.run_steps(5)
            sim.fit({node: given}, {probe: -given}, epochs=2, verbose=0)
            sim.run_steps(5)
            return sim.data[probe][:5], sim.data[probe][5:], kind(sim)

    worth(inf, monkeypatch)
    before, after, used = trained()
    assert used is NumPyLoop
    assert np.abs(before - after).min() > 1e-5
    worth(0, monkeypatch)
    *expected, used = trained()
    assert used is TensorFlowLoop
    np.testing.assert_allclose([before, after], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("settings", "in_numpy"),
    [
        ({"jit_compile": "auto"}, True),
        ({"jit_compile": True}, False),
        ({"jit_compile": False}, False),
        ({"check_finite": True}, False),
        ({"learning_phase": True}, False),
        ({"use_loop": False}, False),
        ({"dtype": "float32", "product_dtype": "bfloat16"}, False),
    ],
)
def test_settings_that_only_tensorflow_respects(net, settings, in_numpy, monkeypatch):
    worth(inf, monkeypatch)
    with net:
        configure_settings(**settings)
    with simulator(net) as sim:
        assert (kind(sim) is NumPyLoop) == in_numpy


@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("keep_history", [True, False])
@pytest.mark.parametrize("sample_every", [None, 0.003, 0.0025])
def test_samples_of_probes(net, keep_history, sample_every):
    """In pieces, with data, and in predictions."""
    with net:
        configure_settings(keep_history=True)
        sampled = nengo.Probe(net.p.target, synapse=0.01, sample_every=sample_every)
        net.config[sampled].keep_history = keep_history
    reference = nengo.Simulator(net, progress_bar=False, optimize=False)
    expected = recorded(reference, STEPS)[sampled]
    expected = expected if keep_history else expected[-1:]
    with simulator(net) as sim:
        for n_steps in (1, 9, STEPS - 10):
            sim.run_steps(n_steps)
        np.testing.assert_allclose(sim.data[sampled], expected, rtol=0, atol=1e-12)
        sim.reset()
        predicted = sim.predict(n_steps=STEPS)[sampled][0]
    if sample_every is None:
        np.testing.assert_allclose(predicted, expected, rtol=0, atol=1e-12)


def test_neurons_that_draw_in_tensorflow_stay_there(net, monkeypatch):
    worth(inf, monkeypatch)
    with net:
        random = nengo.Ensemble(5, 1, neuron_type=nengo.PoissonSpiking(nengo.LIFRate()))
        nengo.Probe(random)
    with simulator(net) as sim:
        assert kind(sim) is TensorFlowLoop


def test_nothing_measured_on_cpus_is_applied_to_other_devices(net, monkeypatch):
    worth(inf, monkeypatch)
    monkeypatch.setattr(Program, "cpu_only", False)
    with simulator(net) as sim:
        assert sim.diagnose().steps_in_numpy == 0


def test_networks_that_are_dear_to_compile_stay_longer_in_numpy():
    """The estimates themselves: groups are dear to compile, elements to step."""

    def steps_in_numpy(n_neurons, *synapses):
        with nengo.Network(seed=0) as net:
            ens = nengo.Ensemble(n_neurons, 1)
            for synapse in synapses:
                nengo.Probe(ens.neurons, synapse=synapse)
        with simulator(net) as sim:
            return sim.diagnose().steps_in_numpy

    third = nengo.LinearFilter([1], [1e-6, 3e-4, 3e-2, 1])
    several = None, 0.01, nengo.Alpha(0.01), third
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "GROUP_SECONDS", 0.05)
        assert steps_in_numpy(10, None) < steps_in_numpy(10, *several)
        assert steps_in_numpy(10, None) > steps_in_numpy(100_000, None)
