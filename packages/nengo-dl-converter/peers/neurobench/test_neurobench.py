"""The metrics are those that NeuroBench has of the same networks in snnTorch.

``nox -s neurobench_peers`` makes an environment with NeuroBench, in which
``run_neurobench.py`` runs; the environment variable ``NENGO_DL_NEUROBENCH`` names its
Python. The same arrays make a NIR graph here, of which the Nengo network is made.
"""

import itertools
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import nir
import numpy as np
import pytest

import nengo_dl_core
from nengo_dl_converter import from_nir

HERE = Path(__file__).parent
DT = 1e-4
BETA = 0.9
RNG = np.random.default_rng(0)


def pruned(*shape):
    """Weights of which about a third are zero."""
    fan_in = np.prod(shape[1:])
    weights = RNG.normal(0.1, 2 / np.sqrt(fan_in), shape)
    return weights * (RNG.uniform(size=shape) < 2 / 3)


def lif(*shape):
    one = np.ones(shape)
    tau = DT / (1 - BETA)
    return nir.LIF(tau * one, tau / DT * one, 0 * one, one, 0 * one)


def linear(size_in, size_out):
    arrays = {"weight": pruned(size_out, size_in), "bias": RNG.normal(0, 0.1, size_out)}
    return ["linear", [size_in, size_out], {}], arrays, nir.Affine(**arrays)


def leaky(*shape, output=False):
    return ["leaky", [], {"output": output}], {}, lif(*shape)


def recurrent(n_neurons):
    weight = pruned(n_neurons, n_neurons)
    nodes = {
        "input": nir.Input(np.array([n_neurons])),
        "neurons": lif(n_neurons),
        "weights": nir.Linear(weight),
        "output": nir.Output(np.array([n_neurons])),
    }
    edges = [
        ("input", "neurons"),
        ("neurons", "weights"),
        ("weights", "neurons"),
        ("neurons", "output"),
    ]
    graph = nir.NIRGraph(nodes, edges)
    return ["recurrent", [n_neurons], {}], {"recurrent.weight": weight}, graph


def convolution(image, n_in, n_out, size, **kwargs):
    arrays = {
        "weight": pruned(n_out, n_in, size, size),
        "bias": RNG.normal(0, 0.1, n_out),
    }
    options = {"stride": 1, "padding": 0, **kwargs}
    node = nir.Conv2d(input_shape=image, dilation=1, groups=1, **options, **arrays)
    return ["convolution", [n_in, n_out, size], options], arrays, node


def flatten(*shape):
    return ["flatten", [], {}], {}, nir.Flatten({"input": np.array(shape)}, 0, -1)


DENSE = [linear(6, 8), leaky(8), linear(8, 5), leaky(5, output=True)]
RECURRENT = [linear(6, 8), recurrent(8), linear(8, 5), leaky(5, output=True)]
CONVOLUTION = [
    convolution((7, 6), 2, 3, 3, padding=1, stride=2),
    leaky(3, 4, 3),
    convolution((4, 3), 3, 4, 2),
    leaky(4, 3, 2),
    flatten(4, 3, 2),
    linear(24, 5),
    leaky(5, output=True),
]


def spikes(*shape):
    return 1.0 * (RNG.uniform(size=(5, 60, *shape)) < 0.3)


def analogue(*shape):
    values = RNG.normal(size=(5, 60, *shape))
    return values * (RNG.uniform(size=values.shape) < 0.7)


def by_neurobench(layers, inputs, folder):
    """Measure the network in snnTorch."""
    arrays = {
        f"{number}.{name}": array
        for number, (_, own, _) in enumerate(layers)
        for name, array in own.items()
    }
    np.savez(folder / "arrays.npz", inputs=inputs, **arrays)
    (folder / "layers.json").write_text(json.dumps([layer for layer, _, _ in layers]))
    names = ["layers.json", "arrays.npz", "results.json"]
    python = os.environ["NENGO_DL_NEUROBENCH"]
    script = str(HERE / "run_neurobench.py")
    subprocess.run(
        [python, script, *(str(folder / name) for name in names)], check=True
    )
    return json.loads((folder / "results.json").read_text())


def ours(layers, inputs):
    """Measure the network in Nengo."""
    shape = inputs.shape[2:]
    nodes = {"input": nir.Input(np.array(shape))}
    nodes |= {str(number): node for number, (_, _, node) in enumerate(layers)}
    nodes["output"] = nir.Output(np.array([5]))
    graph = nir.NIRGraph(nodes, list(itertools.pairwise(nodes)))
    net = from_nir(graph, DT, "euler").net
    with nengo_dl_core.Simulator(
        net, dt=DT, minibatch_size=2, progress_bar=False
    ) as sim:
        return nengo_dl_core.measure(sim, inputs.reshape(*inputs.shape[:2], -1))


@pytest.mark.parametrize(
    ("layers", "inputs"),
    [
        pytest.param(DENSE, spikes(6), id="dense, spikes"),
        pytest.param(DENSE, analogue(6), id="dense, analogue"),
        pytest.param(CONVOLUTION, spikes(2, 7, 6), id="convolution, spikes"),
        pytest.param(CONVOLUTION, analogue(2, 7, 6), id="convolution, analogue"),
    ],
)
def test_metrics_are_those_of_neurobench(layers, inputs, tmp_path):
    found = ours(layers, inputs)
    assert_equal(found, by_neurobench(layers, inputs, tmp_path))
    assert found.state_bytes == 4 * found.n_neurons  # the voltages


@pytest.mark.parametrize("inputs", [spikes(6), analogue(6)], ids=["spikes", "analogue"])
def test_metrics_of_a_recurrent_network(inputs, tmp_path):
    found = ours(RECURRENT, inputs)
    # Nengo multiplies spikes with recurrent weights in their own step, snnTorch in the
    # next: it does not get to those of the last step.
    before = ours(RECURRENT, inputs[:, :-1])
    connections = tuple(
        replace(of_all, effective_acs=of_others.effective_acs)
        if of_all.name == "1.neurons → 1.weights"
        else of_all
        for of_all, of_others in zip(found.connections, before.connections, strict=True)
    )
    assert connections != found.connections
    found = replace(found, connections=connections)
    assert_equal(found, by_neurobench(RECURRENT, inputs, tmp_path))


def assert_equal(found, expected):
    """Compare our metrics with NeuroBench's."""
    assert expected["SynapticOperations"] == {
        "Dense": found.dense_operations,
        "Effective_MACs": found.effective_macs,
        "Effective_ACs": found.effective_acs,
    }
    assert found.effective_acs > 50
    assert found.membrane_updates == expected["MembraneUpdates"]
    assert round(found.connection_sparsity, 4) == expected["ConnectionSparsity"]
    by_layer = expected["ActivationSparsityByLayer"].values()
    assert [x.activation_sparsity for x in found.neurons] == list(by_layer)
    # NeuroBench weighs the mean of each batch with its size
    assert found.activation_sparsity == pytest.approx(
        expected["ActivationSparsity"], rel=1e-14
    )
    # snnTorch's neurons keep what they are set to in buffers; state is made later
    assert found.parameter_bytes == expected["Footprint"] - expected["buffers"]
