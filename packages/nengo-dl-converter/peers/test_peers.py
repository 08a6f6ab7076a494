"""What other frameworks write can be read, and they read what we write.

``nox -s nir_peers`` makes an environment with these frameworks, in which
``run_peer.py`` runs; the environment variable ``NENGO_DL_PEERS`` names its Python.
Where they do not compute what NIR says, the test says in which way.
"""

import itertools
import os
import subprocess
from pathlib import Path

import nir
import numpy as np
import pytest

import nengo_dl_core
from nengo_dl_converter import from_nir, to_nir

HERE = Path(__file__).parent
FILES = HERE.parent / "tests/nir_data"
DT = 1e-4


def peer(job, framework, graph, inputs, folder):
    """Outputs of another framework, ``(n_items, n_steps, size)``."""
    np.save(folder / "inputs.npy", inputs)
    command = [os.environ["NENGO_DL_PEERS"], str(HERE / "run_peer.py"), job, framework]
    paths = [graph, folder / "inputs.npy", folder / "outputs.npy"]
    subprocess.run([*command, *map(str, paths), str(DT)], check=True)
    return np.load(folder / "outputs.npy")


def ours(source, inputs, dt=DT):
    """Outputs of the imported graph."""
    imported = from_nir(source, dt, "euler")
    with imported.net:
        nengo_dl_core.configure_settings(dtype="float64")
    with nengo_dl_core.Simulator(
        imported.net, dt=dt, minibatch_size=len(inputs), progress_bar=False
    ) as sim:
        (node,), (probe,) = imported.inputs.values(), imported.outputs.values()
        sim.run_steps(inputs.shape[1], data={node: inputs})
        return np.array(sim.data[probe])


def spikes(n_items, n_steps, size):
    rng = np.random.default_rng(1)
    rates = rng.uniform(0.1, 0.5, (n_items, 1, 1))
    return 1.0 * (rng.uniform(size=(n_items, n_steps, size)) < rates)


def layered(make):
    """A graph of two layers of neurons."""
    rng = np.random.default_rng(0)
    nodes = {"input": nir.Input(np.array([6]))}
    for i, (size_in, size_out) in enumerate([(6, 8), (8, 5)]):
        weight = rng.normal(0, 1 / np.sqrt(size_in), (size_out, size_in))
        nodes[f"fc{i}"] = nir.Affine(weight, rng.normal(0, 0.1, size_out))
        nodes[f"n{i}"] = make(np.ones(size_out))
    nodes["output"] = nir.Output(np.array([5]))
    names = list(nodes)
    return nir.NIRGraph(nodes, list(itertools.pairwise(names)))


def lif(one, r=10.0, v_threshold=1.0):
    return nir.LIF(10 * DT * one, r * one, 0 * one, v_threshold * one, 0 * one)


def cuba_lif(one):
    return nir.CubaLIF(
        5 * DT * one, 10 * DT * one, 10 * one, 0 * one, one, 0 * one, w_in=5 * one
    )


@pytest.mark.parametrize(
    ("framework", "make"),
    [
        ("snntorch", lif),
        ("snntorch", cuba_lif),
        ("norse", lambda one: lif(one, r=1.0, v_threshold=0.1)),
        ("norse", cuba_lif),
    ],
)
def test_they_read_what_we_write(framework, make, tmp_path):
    written = to_nir(from_nir(layered(make), DT, "euler").net, dtype="float32")
    nir.write(tmp_path / "graph.nir", written)
    inputs = spikes(3, 100, 6)
    found = peer("read", framework, tmp_path / "graph.nir", inputs, tmp_path)
    expected = ours(tmp_path / "graph.nir", inputs)
    assert expected.sum() > 50
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["bias_zero", "noBias_subtract"])
def test_published_recurrent_networks_in_norse(name, tmp_path):
    path = FILES / f"braille_noDelay_{name}.nir"
    inputs = spikes(20, 256, 12)
    found = peer("read", "norse", path, inputs, tmp_path)
    expected = ours(path, inputs)
    assert expected.sum() > 100
    np.testing.assert_array_equal(found, expected)


def test_we_read_what_snntorch_writes(tmp_path):
    inputs = spikes(3, 100, 6)
    found = peer("write", "snntorch", tmp_path / "graph.nir", inputs, tmp_path)
    assert found.sum() > 50
    np.testing.assert_array_equal(found, ours(tmp_path / "graph.nir", inputs))


def test_norse_writes_time_constants_times_the_step(tmp_path):
    inputs = spikes(3, 100, 6)
    found = peer("write", "norse", tmp_path / "graph.nir", inputs, tmp_path)
    graph = nir.read(tmp_path / "graph.nir")
    for node in graph.nodes.values():
        if isinstance(node, nir.LIF):
            np.testing.assert_allclose(node.tau, DT * 20 * DT, rtol=1e-6)
            node.tau = node.tau / DT
    assert found.sum() > 50
    np.testing.assert_array_equal(found, ours(graph, inputs))


def test_sinabs_resets_by_subtraction_where_it_writes_a_reset_to_zero(tmp_path):
    inputs = spikes(3, 100, 6)
    found = peer("write", "sinabs", tmp_path / "graph.nir", inputs, tmp_path)
    graph = nir.read(tmp_path / "graph.nir")
    resets = [n.v_reset for n in graph.nodes.values() if isinstance(n, nir.IF)]
    assert len(resets) == 2
    assert not np.concatenate(resets).any()
    assert (found != ours(graph, inputs, dt=1)).any()
