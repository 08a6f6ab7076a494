"""Runs of imported NIR graphs, and how they are compared with the oracle."""

from pathlib import Path

import nengo
import numpy as np

import nengo_dl_core
import nir_executor
from nengo_dl_converter import from_nir

FILES = Path(__file__).parent / "nir_data"


def simulated(imported, inputs, voltages=(), compiled=True, **settings):
    """Outputs of an imported network, and voltages of layers, by name."""
    with imported.net:
        nengo_dl_core.configure_settings(
            dtype="float64", jit_compile=compiled, **settings
        )
        probes = imported.outputs | {
            f"{name}.voltage": nengo.Probe(imported.layers[name], "voltage")
            for name in voltages
        }
    n_items, n_steps, _ = next(iter(inputs.values())).shape
    with nengo_dl_core.Simulator(
        imported.net, dt=imported.dt, minibatch_size=n_items, progress_bar=False
    ) as sim:
        data = {imported.inputs[name]: value for name, value in inputs.items()}
        sim.run_steps(n_steps, data=data)
    return {name: sim.data[probe] for name, probe in probes.items()}


def simulated_by_reference(imported, inputs):
    """Outputs of an imported network in the reference simulator, for one item."""
    for name, node in imported.inputs.items():
        node.output = nengo.processes.PresentInput(inputs[name][0], imported.dt)
    n_steps = next(iter(inputs.values())).shape[1]
    with nengo.Simulator(imported.net, dt=imported.dt, progress_bar=False) as sim:
        sim.run_steps(n_steps)
    return {name: sim.data[probe][None] for name, probe in imported.outputs.items()}


def assert_computes(graph, source, inputs, dt, discretization, compiled=True):
    """What is imported from a source computes what the oracle says of a graph."""
    expected = nir_executor.run(graph, inputs, dt, discretization)
    imported = from_nir(source, dt, discretization)
    found = simulated(imported, inputs, compiled=compiled)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert_same(found[name], values)
    return expected


def assert_same(found, expected):
    """Spikes do not differ, analog values by no more than their rounding."""
    assert found.shape == expected.shape
    if np.isin(expected, (0, 1)).all():
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
