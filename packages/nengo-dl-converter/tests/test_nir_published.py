"""Published NIR graphs compute what NIR says, and what other systems published."""

import nengo
import nir
import numpy as np
import pytest

import nengo_dl_core
from nengo_dl_converter import from_nir
from nir_executor import run
from nir_runs import FILES, assert_computes, simulated

SPIKES = [460, 510, 710, 760]
N_INPUTS = 100


def trace(name):
    """Input, voltage and output of the neuron, of 1,000 steps."""
    return np.loadtxt(FILES / f"lif_{name}.csv", delimiter=",").T


def neuron_in(simulator, discretization):
    """Voltage and output of the published neuron in a simulator."""
    imported = from_nir(FILES / "lif_norse.nir", 1e-4, discretization)
    spikes, _, _ = trace("norse")
    imported.inputs["input"].output = nengo.processes.PresentInput(
        spikes[:, None], imported.dt
    )
    with imported.net:
        voltage = nengo.Probe(imported.layers["1"], "voltage")
        nengo_dl_core.configure_settings(dtype="float64", jit_compile=True)
    with simulator(imported.net, dt=imported.dt, progress_bar=False) as sim:
        sim.run_steps(len(spikes))
    return sim.data[voltage][:, 0], sim.data[imported.outputs["output"]][:, 0]


@pytest.mark.parametrize("simulator", [nengo.Simulator, nengo_dl_core.Simulator])
def test_neuron_as_in_norse_by_euler(simulator):
    voltage, output = neuron_in(simulator, "euler")
    _, published, spikes = trace("norse")
    assert np.flatnonzero(output).tolist() == SPIKES
    np.testing.assert_array_equal(output, spikes)
    np.testing.assert_allclose(voltage, published, atol=1e-5, rtol=0)


@pytest.mark.parametrize("simulator", [nengo.Simulator, nengo_dl_core.Simulator])
def test_neuron_exactly(simulator):
    voltage, output = neuron_in(simulator, "exact")
    _, solution, _ = trace("exact")
    first = SPIKES[0]
    assert np.flatnonzero(output).tolist() == SPIKES
    np.testing.assert_allclose(voltage[:first], solution[:first], atol=1e-9, rtol=0)


def test_convolutional_network_on_random_spikes():
    graph = nir.read(FILES / "cnn_sinabs.nir", type_check=False)
    rng = np.random.default_rng(0)
    rates = rng.uniform(0, 0.4, (N_INPUTS, 1, 1))
    inputs = {"input": 1.0 * (rng.uniform(size=(N_INPUTS, 20, 2 * 34 * 34)) < rates)}
    outputs = assert_computes(graph, FILES / "cnn_sinabs.nir", inputs, 1, "euler")
    assert outputs["output"].sum() > 100


def braille_inputs(n_items=N_INPUTS):
    rng = np.random.default_rng(1)
    rates = rng.uniform(0, 0.5, (n_items, 1, 12))
    return {"input": 1.0 * (rng.uniform(size=(n_items, 256, 12)) < rates)}


@pytest.mark.parametrize("discretization", ["euler", "exact"])
@pytest.mark.parametrize("name", ["bias_zero", "noBias_subtract"])
def test_recurrent_network_on_random_spikes(name, discretization):
    path = FILES / f"braille_noDelay_{name}.nir"
    graph = nir.read(path)
    outputs = assert_computes(graph, path, braille_inputs(), 1e-4, discretization)
    assert outputs["output"].sum() > 100


def test_recurrent_connections_wait_for_the_next_step():
    imported = from_nir(FILES / "braille_noDelay_bias_zero.nir", 1e-4, "euler")
    assert imported.delayed == [("lif1.w_rec", "lif1.lif")]


def test_nested_network_that_nir_refuses():
    with pytest.raises(Exception, match="lif"):
        nir.read(FILES / "braille_sub.nir")
    imported = from_nir(FILES / "braille_sub.nir", 1e-4, "euler")
    assert imported.delayed == [("lif1.lin", "lif1.lif1")]
    inputs = braille_inputs(5)
    # It holds the weights of another published network, which is not nested.
    other = nir.read(FILES / "braille_noDelay_bias_zero.nir")
    expected = run(other, inputs, 1e-4, "euler")
    np.testing.assert_array_equal(
        simulated(imported, inputs)["output"], expected["output"]
    )
