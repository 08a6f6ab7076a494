"""A neuron type and an operator that a user adds, as the examples do."""

import runpy
from pathlib import Path

import keras
import nengo
import numpy as np
import pytest

from nengo_dl_core import Simulator
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def load():
    """Run a file; what it registers is forgotten after the test."""
    registries = [
        Builder.builders,
        SimNeuronsBuilder.TF_NEURON_IMPL,
        nengo.builder.Builder.builders,
    ]
    before = [dict(registry) for registry in registries]
    yield lambda name: runpy.run_path(str(EXAMPLES / name))
    for registry, entries in zip(registries, before, strict=True):
        registry.clear()
        registry.update(entries)


@pytest.mark.parametrize("name", ["custom_neuron.py", "custom_operator.py"])
def test_equals_the_reference(load, name, capsys):
    expected, actual = load(name)["main"]()
    peak = np.abs(expected).max()
    assert peak > 0
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5 * peak)
    assert "nengo_dl_core" in capsys.readouterr().out


def test_neurons_of_a_user_compile_and_train(load):
    neuron_type = load("custom_neuron.py")["QuadraticIntegrateAndFire"]()
    with nengo.Network(seed=0) as net:
        node = nengo.Node([0.0])
        ens = nengo.Ensemble(50, 1, neuron_type=neuron_type, max_rates=[80.0] * 50)
        nengo.Connection(node, ens, synapse=None)
        nengo.Probe(ens)
    with Simulator(net, minibatch_size=4, progress_bar=False) as sim:
        assert sim.diagnose().compiled
        sim.compile(optimizer=keras.optimizers.Adam(0.05), loss="mse")
        x = np.linspace(-1, 1, 8).reshape((8, 1, 1))
        losses = sim.fit(x, -x, epochs=30, verbose=0).history["loss"]
        assert losses[-1] < losses[0] / 2
