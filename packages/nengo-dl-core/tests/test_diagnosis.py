"""What a user asks when a simulation is slow to build, slow to run, or diverges."""

import logging
import warnings

import keras
import nengo
import numpy as np
import pytest
from nengo.exceptions import SimulationError

from nengo_dl_core import Layer, Simulator, configure_settings
from nengo_dl_core.builders import tensor_node
from nengo_dl_core.program import program


def with_python():
    with nengo.Network() as net:
        sine = nengo.Node(np.sin)
        node = nengo.Node(lambda t, x: 2 * x, size_in=1, label="doubling")
        nengo.Connection(sine, node)
        nengo.Probe(node)
    return net


def diverging():
    """From two, one value doubles in every step, another grows much faster."""
    with nengo.Network() as net:
        configure_settings(check_finite=True)
        start = nengo.Node(lambda t: 2 if t < 0.0015 else 0)
        slow = nengo.Node(size_in=1, label="slow")
        fast = nengo.Ensemble(
            1,
            1,
            neuron_type=nengo.RectifiedLinear(),
            gain=[1.0],
            bias=[0.0],
            encoders=[[1]],
            label="fast",
        )
        nengo.Connection(start, slow, synapse=None)
        nengo.Connection(start, fast.neurons, synapse=None)
        nengo.Connection(slow, slow, transform=2, synapse=nengo.Lowpass(0))
        nengo.Connection(
            fast.neurons, fast.neurons, transform=1e10, synapse=nengo.Lowpass(0)
        )
        nengo.Probe(slow)
        nengo.Probe(fast.neurons)
    return net


@pytest.mark.parametrize("options", [{}, {"unroll_simulation": 3, "minibatch_size": 2}])
def test_the_first_object_that_is_not_finite_is_named(options):
    with Simulator(diverging(), progress_bar=False, **options) as sim:
        sim.run_steps(3)  # to 2e30; the largest number of float32 is 3e38
        with pytest.raises(SimulationError, match=r"'fast'.* computed inf in step 4:"):
            sim.run_steps(10)


def test_finite_runs_are_not_changed_by_the_check():
    net = with_python()
    results = []
    for check in (False, True):
        with net:
            configure_settings(check_finite=check)
        with Simulator(net, progress_bar=False) as sim:
            sim.run_steps(20)
        results.append(sim.data[net.probes[0]])
    np.testing.assert_array_equal(*results)


def test_what_cannot_be_compiled_is_listed():
    with Simulator(with_python(), progress_bar=False) as sim:
        diagnosis = sim.diagnose()
    (words,) = diagnosis.not_compilable
    assert words == "<Node 'doubling'> (PythonCall)"
    assert not diagnosis.compiled
    assert f"cannot be compiled: {words}" in str(diagnosis)


def test_float16_on_processors_without_it(monkeypatch):
    """XLA would fail at the first step; TensorFlow's kernels know it everywhere."""
    for module in (program, tensor_node):
        monkeypatch.setattr(module, "compiles_float16", lambda: False)
    with nengo.Network() as net:
        configure_settings(dtype="float16")
        probe = nengo.Probe(nengo.Node(0.5))
    with Simulator(net, progress_bar=False) as sim:
        (words,) = sim.diagnose().not_compilable
        assert words.startswith("float16")
        sim.run_steps(2)
    np.testing.assert_array_equal(sim.data[probe][:, 0], [0.5, 0.5])
    with nengo.Network() as net:
        layer = keras.layers.Dense(2, dtype="mixed_float16")
        nengo.Probe(Layer(layer)(nengo.Node([1.0])))
    with Simulator(net, progress_bar=False) as sim:
        (words,) = sim.diagnose().not_compilable
        assert "SimTensorNode" in words
        sim.run_steps(2)


def test_stages_are_measured_when_they_are_done():
    with nengo.Network() as net:
        nengo.Probe(nengo.Node(1.0))
    with Simulator(net, progress_bar=False) as sim:
        build = ["Nengo's build", "optimization", "variables"]
        assert list(sim.diagnose().seconds) == build
        sim.run_steps(3)
        seconds = sim.diagnose().seconds
        assert list(seconds) == [*build, "tracing", "compilation, and first steps"]
        assert min(seconds.values()) > 0
        sim.run_steps(3)
        assert sim.diagnose().seconds == seconds
        assert sim.diagnose().compiled
        assert not sim.diagnose().not_compilable


def test_a_model_that_cannot_be_compiled_is_mentioned(caplog):
    net = with_python()
    with caplog.at_level(logging.INFO, "nengo_dl_core"), warnings.catch_warnings():
        warnings.simplefilter("error")
        Simulator(net, progress_bar=False).close()
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert "doubling" in caplog.text
    with net:
        configure_settings(jit_compile=True)
    with pytest.warns(UserWarning, match="cannot be compiled: .*doubling") as record:
        sim = Simulator(net, progress_bar=False)
    assert record[0].filename == __file__
    with sim:
        sim.run_steps(5)
