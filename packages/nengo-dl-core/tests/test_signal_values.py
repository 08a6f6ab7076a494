"""Values of signals between steps, while a simulator is open and after."""

import gc
import weakref

import nengo
import numpy as np
import pytest

from nengo_dl_core import Simulator, configure_settings


@pytest.fixture
def net():
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        node = nengo.Node([0.5])
        net.ens = nengo.Ensemble(10, 2)
        net.conn = nengo.Connection(node, net.ens[1], transform=0.7)
        net.probe = nengo.Probe(net.ens)
    return net


def signals(sim):
    """Parameters and state, and the names of their signals."""
    net, sig = sim.model.toplevel, sim.model.sig
    names = ("voltage", "refractory_time", "bias")
    return [sig[net.conn]["weights"], *(sig[net.ens.neurons][name] for name in names)]


def test_equal_those_of_the_reference(net):
    with (
        Simulator(net, progress_bar=False) as sim,
        nengo.Simulator(net, progress_bar=False) as reference,
    ):
        for _ in range(3):
            sim.run_steps(7)
            reference.run_steps(7)
            for ours, theirs in zip(signals(sim), signals(reference), strict=True):
                np.testing.assert_allclose(
                    sim.signals[ours], reference.signals[theirs], rtol=1e-12
                )


def test_each_item_of_a_minibatch_has_its_state(net):
    with Simulator(net, minibatch_size=3, progress_bar=False) as sim:
        _, voltage, _, bias = signals(sim)
        assert sim.signals[voltage].shape == (3, 10)
        assert sim.signals[bias].shape == (10,)


def test_only_what_is_kept_has_a_value(net):
    with Simulator(net, progress_bar=False) as sim:
        current = sim.model.sig[net.ens.neurons]["in"]
        assert current not in sim.signals
        with pytest.raises(KeyError, match="no value between steps"):
            sim.signals[current]
        unused = sim.model.sig["common"][1]
        np.testing.assert_array_equal(sim.signals[unused], 1)
        assert len(sim.signals) == len(list(sim.signals))
        assert set(signals(sim)) <= set(sim.signals)


def test_stay_when_the_simulator_is_closed(net):
    with Simulator(net, progress_bar=False) as sim:
        sim.run_steps(10)
        for _, variable in sim.tensor_graph.parameters:
            variable.assign(variable * 2)
        expected = [sim.signals[sig] for sig in signals(sim)]
        bias = sim.data[net.ens].bias
    for sig, value in zip(signals(sim), expected, strict=True):
        np.testing.assert_array_equal(sim.signals[sig], value)
    np.testing.assert_array_equal(sim.data[net.ens].bias, bias)


def test_closing_frees_the_memory_of_tensorflow(net):
    with Simulator(net, progress_bar=False) as sim:
        sim.run_steps(10)
        sim.predict(n_steps=5)
        _, variable = sim.tensor_graph.parameters[0]
        held = [weakref.ref(x) for x in (sim.tensor_graph, sim.keras_model, variable)]
        del variable
    gc.collect()
    assert [ref() for ref in held] == [None] * 3
    assert len(sim.data[net.probe]) == 10
