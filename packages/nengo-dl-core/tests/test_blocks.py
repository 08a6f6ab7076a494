"""Predictions in stages: what no later step waits for is done in blocks of steps."""

import keras
import nengo
import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from nengo.exceptions import BuildError

import network_strategies as networks
from nengo_dl_core import Layer, Simulator, configure_settings, tuning

STEPS = 19  # no multiple of a block


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """What is worth while for large matrices and many steps is done with few."""
    monkeypatch.setattr(tuning, "MIN_PREDICTED_STEPS", 2)
    monkeypatch.setattr(tuning, "PREDICTED_AT_ONCE", 8)
    monkeypatch.setattr(tuning, "MIN_PREDICTED_WEIGHTS", 1)


def layers(recurrent=False, **neurons):
    """Neurons with state, and rates; probes of what is known early and late."""
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        net.inp = nengo.Node(np.zeros(3))
        a = nengo.Ensemble(20, 3, **neurons)
        b = nengo.Ensemble(15, 2, neuron_type=nengo.LIFRate())
        c = nengo.Ensemble(10, 1)
        nengo.Connection(net.inp, a, synapse=None)
        nengo.Connection(a[:2], b, synapse=0.005)
        nengo.Connection(b, c, function=lambda x: x[0] * x[1], synapse=None)
        if recurrent:
            nengo.Connection(c, a[0], synapse=0.01)
        for target, synapse in (
            (net.inp, None),
            (a, None),
            (a.neurons, 0.01),
            (b, None),
            (b.neurons, nengo.Alpha(0.01)),
            (c, 0.01),
        ):
            nengo.Probe(target, synapse=synapse)
        nengo.Probe(net.connections[1], "weights")  # which nothing computes
    return net


def predictor(sim):
    return sim._runner._predictor


def predictions(net, inputs, n_steps=STEPS, stateful=False, jit_compile=True):
    with net:
        configure_settings(jit_compile=jit_compile)
    with Simulator(net, minibatch_size=2, progress_bar=False) as sim:
        values = [sim.predict(inputs, n_steps=n_steps, stateful=stateful)]
        values.append(sim.predict(inputs, n_steps=n_steps, stateful=stateful))
        sim.run_steps(3)
        return [*values, {p: sim.data[p] for p in net.all_probes}], predictor(sim)


def assert_equal(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        for probe, values in other.items():
            atol = 1e-12 * (1 + np.abs(values).max())
            np.testing.assert_allclose(one[probe], values, rtol=0, atol=atol)


@pytest.mark.parametrize("stateful", [False, True])
@pytest.mark.parametrize("n_samples", [2, 5])
def test_equals_the_loop(n_samples, stateful):
    net = layers()
    inputs = np.random.default_rng(0).uniform(-1, 1, size=(n_samples, STEPS, 3))
    actual, staged = predictions(net, {net.inp: inputs}, stateful=stateful)
    assert [stage.at_once for stage in staged._stages].count(True) > 1
    expected, plain = predictions(
        net, {net.inp: inputs}, stateful=stateful, jit_compile=False
    )
    assert plain is None
    assert_equal(actual, expected)


def test_predictions_of_any_length_use_one_executable():
    net = layers()
    inputs = np.random.default_rng(0).uniform(-1, 1, size=(2, 40, 3))
    with Simulator(net, minibatch_size=2, progress_bar=False) as sim:
        whole = sim.predict({net.inp: inputs})
        function = predictor(sim)._function
        for n_steps in (2, 7, 8, 9, 17, 39):
            part = sim.predict({net.inp: inputs[:, :n_steps]})
            for probe, values in part.items():
                np.testing.assert_allclose(
                    values, whole[probe][:, :n_steps], rtol=0, atol=1e-12
                )
        assert predictor(sim)._function is function


def test_long_predictions_are_divided(monkeypatch):
    net = layers()
    inputs = np.random.default_rng(0).uniform(-1, 1, size=(2, 50, 3))
    with Simulator(net, minibatch_size=2, progress_bar=False) as sim:
        expected = sim.predict({net.inp: inputs})
    monkeypatch.setattr(tuning, "MAX_PREDICTED_BYTES", 8 * 2 * 78 * 20)
    with Simulator(net, minibatch_size=2, progress_bar=False) as sim:
        actual = sim.predict({net.inp: inputs})
        assert 8 <= predictor(sim).max_steps < 50
        assert predictor(sim).max_steps % 8 == 0
    assert_equal([actual], [expected])


def test_buffers_that_hold_less_than_a_block(monkeypatch):
    net = layers()
    inputs = np.random.default_rng(0).uniform(-1, 1, size=(2, STEPS, 3))
    expected, _ = predictions(net, {net.inp: inputs}, jit_compile=False)
    monkeypatch.setattr(tuning, "STEPS_AT_ONCE", 3)
    monkeypatch.setattr(tuning, "MAX_PREDICTED_BYTES", 8 * 2 * 78 * 4)
    actual, staged = predictions(net, {net.inp: inputs})
    assert staged.max_steps < 8
    assert any(stage.at_once for stage in staged._stages)
    assert_equal(actual, expected)


def test_few_steps_go_step_by_step(monkeypatch):
    monkeypatch.setattr(tuning, "MIN_PREDICTED_STEPS", STEPS + 1)
    net = layers()
    with Simulator(net, minibatch_size=2, progress_bar=False) as sim:
        sim.predict(n_steps=STEPS)
        assert "_predictor" not in vars(sim._runner)


def test_a_circle_is_one_loop():
    net = layers(recurrent=True)
    with net:
        net.probes[:] = [probe for probe in net.probes if probe.synapse is None]
    inputs = np.random.default_rng(0).uniform(-1, 1, size=(2, STEPS, 3))
    actual, _ = predictions(net, {net.inp: inputs})
    expected, _ = predictions(net, {net.inp: inputs}, jit_compile=False)
    assert_equal(actual, expected)


def test_what_nothing_writes():
    """An Ensemble without input that has a Probe, and is read; for each item."""
    net = layers()
    with net:
        silent = nengo.Ensemble(1, 3, neuron_type=nengo.Direct())
        nengo.Probe(silent)
        nengo.Connection(silent[:2], net.ensembles[1], synapse=None)
    inputs = np.random.default_rng(0).uniform(-1, 1, size=(2, STEPS, 3))
    actual, staged = predictions(net, {net.inp: inputs})
    assert any(stage.at_once for stage in staged._stages)
    expected, _ = predictions(net, {net.inp: inputs}, jit_compile=False)
    assert_equal(actual, expected)


def test_layers_whose_weights_change():
    """A layer that counts its calls goes step by step, beside what is at once."""
    net = layers()
    with net:
        dense = Layer(keras.layers.Dense(4, dtype="float64"))(net.ensembles[0])
        noise = Layer(keras.layers.BatchNormalization(dtype="float64"))(dense)
        nengo.Probe(noise, synapse=0.01)
    inputs = np.random.default_rng(0).uniform(-1, 1, size=(2, STEPS, 3))
    actual, _ = predictions(net, {net.inp: inputs})
    expected, _ = predictions(net, {net.inp: inputs}, jit_compile=False)
    assert_equal(actual, expected)


def test_random_networks():
    checked = []

    @networks.many(12)
    @given(networks.networks(python=False), st.sampled_from([1, 3]), st.integers(1, 3))
    def check(net, minibatch_size, unroll):
        with net:
            configure_settings(dtype="float64", jit_compile=True)
        options = {"minibatch_size": minibatch_size, "unroll_simulation": unroll}
        try:
            with Simulator(net, seed=1, progress_bar=False, **options) as sim:
                predicted = sim.predict(n_steps=STEPS)
                if predictor(sim) is None:
                    reject()
                sim.run_steps(STEPS)
        except BuildError:  # no decoders
            reject()
        for probe, values in predicted.items():
            expected = sim.data[probe]
            if probe.sample_every is None:
                atol = 1e-10 * (1 + np.abs(expected).max(initial=0))
                np.testing.assert_allclose(values, expected, rtol=0, atol=atol)
        checked.append(net)

    check()
    assert checked
