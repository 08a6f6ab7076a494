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


def peer(job, framework, graph, inputs, folder, dt=DT):
    """Outputs of another framework, ``(n_items, n_steps, size)``."""
    np.save(folder / "inputs.npy", inputs)
    command = [os.environ["NENGO_DL_PEERS"], str(HERE / "run_peer.py"), job, framework]
    paths = [graph, folder / "inputs.npy", folder / "outputs.npy"]
    subprocess.run([*command, *map(str, paths), str(dt)], check=True)
    return np.load(folder / "outputs.npy")


def written_by(framework, inputs, folder):
    """The outputs of a network that a framework has written, and its graph."""
    found = peer("write", framework, folder / "graph.nir", inputs, folder)
    return found, nir.read(folder / "graph.nir")


def ours(source, inputs, dt=DT, discretization="euler"):
    """Outputs of the imported graph."""
    imported = from_nir(source, dt, discretization)
    with imported.net:
        nengo_dl_core.configure_settings(dtype="float64", jit_compile=False)
    with nengo_dl_core.Simulator(
        imported.net, dt=dt, minibatch_size=len(inputs), progress_bar=False
    ) as sim:
        (node,), (probe,) = imported.inputs.values(), imported.outputs.values()
        n_items, n_steps = inputs.shape[:2]
        sim.run_steps(n_steps, data={node: inputs.reshape(n_items, n_steps, -1)})
        return np.array(sim.data[probe])


def spikes(n_items, n_steps, *shape):
    rng = np.random.default_rng(1)
    rates = rng.uniform(0.1, 0.5, (n_items, 1, *(1 for _ in shape)))
    return 1.0 * (rng.uniform(size=(n_items, n_steps, *shape)) < rates)


INPUTS = spikes(3, 100, 6)


def assert_same_spikes(found, expected, at_least=50):
    assert expected.sum() > at_least
    np.testing.assert_array_equal(found, expected)


def layered(*layers):
    """A graph of two layers of neurons, each of which may be several nodes."""
    rng = np.random.default_rng(0)
    nodes = {"input": nir.Input(np.array([6]))}
    for i, (size_in, size_out) in enumerate([(6, 8), (8, 5)]):
        weight = rng.normal(0, 1 / np.sqrt(size_in), (size_out, size_in))
        nodes[f"fc{i}"] = nir.Affine(weight, rng.normal(0, 0.1, size_out))
        for j, make in enumerate(layers):
            nodes[f"n{i}{j}"] = make(np.ones(size_out))
    nodes["output"] = nir.Output(np.array([5]))
    names = list(nodes)
    return nir.NIRGraph(nodes, list(itertools.pairwise(names)))


def lif(one, r=10.0, v_threshold=1.0):
    return nir.LIF(10 * DT * one, r * one, 0 * one, v_threshold * one, 0 * one)


def cuba_lif(one):
    return nir.CubaLIF(
        5 * DT * one, 10 * DT * one, 10 * one, 0 * one, one, 0 * one, w_in=5 * one
    )


def li(one):
    return nir.LI(10 * DT * one, 10 * one, 0 * one)


def threshold(one):
    return nir.Threshold(one)


@pytest.mark.parametrize(
    ("framework", "layers"),
    [
        ("snntorch", [lif]),
        ("snntorch", [cuba_lif]),
        ("norse", [lambda one: lif(one, r=1.0, v_threshold=0.1)]),
        ("norse", [cuba_lif]),
        ("spyx", [li, threshold]),
    ],
)
def test_they_read_what_we_write(framework, layers, tmp_path):
    written = to_nir(from_nir(layered(*layers), DT, "euler").net, dtype="float32")
    nir.write(tmp_path / "graph.nir", written)
    found = peer("read", framework, tmp_path / "graph.nir", INPUTS, tmp_path)
    assert_same_spikes(found, ours(tmp_path / "graph.nir", INPUTS))


@pytest.mark.parametrize("name", ["bias_zero", "noBias_subtract"])
def test_published_recurrent_networks_in_norse(name, tmp_path):
    path = FILES / f"braille_noDelay_{name}.nir"
    inputs = spikes(20, 256, 12)
    found = peer("read", "norse", path, inputs, tmp_path)
    assert_same_spikes(found, ours(path, inputs))


def test_published_convolutional_network_in_norse(tmp_path):
    path = FILES / "cnn_sinabs.nir"
    inputs = spikes(1, 100, 2, 34, 34)  # it flattens the axis of the items, too
    found = peer("read", "norse", path, inputs, tmp_path, dt=1)
    assert_same_spikes(found, ours(path, inputs, dt=1))


def test_published_convolutional_network_in_sinabs_is_not_what_it_wrote(tmp_path):
    path = FILES / "cnn_sinabs.nir"
    inputs = spikes(3, 20, 2, 34, 34)
    found = peer("read", "sinabs", path, inputs, tmp_path, dt=1)
    assert found.max() > 1  # several spikes in a step, and reset by subtraction
    assert found.sum() > 2 * ours(path, inputs, dt=1).sum()


@pytest.mark.parametrize("network", ["snntorch", "snntorch recurrent"])
def test_we_read_what_snntorch_writes(network, tmp_path):
    found, graph = written_by(network, INPUTS, tmp_path)
    assert_same_spikes(found, ours(graph, INPUTS))


def test_norse_writes_time_constants_times_the_step(tmp_path):
    found, graph = written_by("norse", INPUTS, tmp_path)
    for name, n_steps in (("1", 20), ("3", 10)):
        node = graph.nodes[name]
        np.testing.assert_allclose(node.tau, DT * n_steps * DT, rtol=1e-6)
        node.tau = node.tau / DT
    expected = ours(graph, INPUTS)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_norse_counts_in_steps(tmp_path):
    found, graph = written_by("norse counting", INPUTS, tmp_path)
    assert_same_spikes(found, ours(graph, INPUTS, dt=1))


def test_sinabs_resets_by_subtraction_where_it_writes_a_reset_to_zero(tmp_path):
    found, graph = written_by("sinabs", INPUTS, tmp_path)
    resets = [n.v_reset for n in graph.nodes.values() if isinstance(n, nir.IF)]
    assert len(resets) == 2
    assert not np.concatenate(resets).any()
    assert (found != ours(graph, INPUTS, dt=1)).any()


def test_sinabs_is_right_with_a_reset_to_zero_and_exact(tmp_path):
    found, graph = written_by("sinabs to zero", INPUTS, tmp_path)
    assert {type(node) for node in graph.nodes.values()} >= {nir.IF, nir.LI}
    expected = ours(graph, INPUTS, dt=1, discretization="exact")
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_spyx_writes_resistances_without_the_time_constant(tmp_path):
    found, graph = written_by("spyx", INPUTS, tmp_path)
    integrators = [n for n in graph.nodes.values() if isinstance(n, nir.LI)]
    assert len(integrators) == 2
    for node in integrators:
        assert (node.r == 1).all()
        node.r = node.tau / DT
    assert_same_spikes(found, ours(graph, INPUTS))


def test_spyx_spikes_a_step_late_and_resets_by_subtraction(tmp_path):
    found, graph = written_by("spyx leaky", INPUTS, tmp_path)
    (neurons,) = [n for n in graph.nodes.values() if isinstance(n, nir.LIF)]
    np.testing.assert_allclose(neurons.r, 1 - DT / neurons.tau, rtol=1e-5)
    neurons.r = neurons.tau / DT
    expected = ours(graph, INPUTS)
    spiking = expected.any(axis=1)
    assert spiking.sum() > 5
    first = np.argmax(expected, axis=1)[spiking]
    np.testing.assert_array_equal(np.argmax(found, axis=1)[spiking], first + 1)
    assert (found[:, 1:] != expected[:, :-1]).any()  # what is left after a reset
