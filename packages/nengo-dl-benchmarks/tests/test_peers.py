"""Other frameworks beside ours: a stand-in for each, since none is installed here."""

import sys
from types import SimpleNamespace

import nengo
import numpy as np
import pytest
from click.testing import CliRunner

from nengo_dl_benchmarks import (
    compare,
    legendre_memory,
    peers,
    spiking_convolution,
    spiking_layer,
)
from nengo_dl_benchmarks.cli import main
from nengo_dl_benchmarks.comparison import Backend, Case, Measurement, measure
from nengo_dl_benchmarks.peers_report import best_other, peers_page, section
from nengo_dl_benchmarks.random_data import random_inputs
from nengo_dl_benchmarks.results import Results
from nengo_dl_benchmarks.worker import PeerTrial

LAYER = Case("spiking_layer", {"n_neurons": 4}, "predict", batch_size=2, n_steps=5)
TRAINED = Case("spiking_layer", {"n_neurons": 4}, "train", batch_size=2, n_steps=5)
MEMORY = Case("legendre_memory", {"order": 8}, "predict")


def job(backend, case=LAYER, **others):
    return {**vars(case), "backend": backend, **others}


@pytest.mark.parametrize(("mode", "expected"), [("predict", "+"), ("train", "-")])
def test_network_is_built_and_run_stage_by_stage(monkeypatch, mode, expected):
    done = []

    def layer(given):
        done.append((given.size, given.batch_size, given.n_steps, given.way))

        def build():
            done.append("build")
            return peers.Work(lambda: done.append("+"), lambda: done.append("-"))

        return build

    stand_in = SimpleNamespace(
        NAME="Stand-in", DISTRIBUTIONS=("numpy",), NETWORKS={"spiking_layer": layer}
    )
    monkeypatch.setitem(sys.modules, "nengo_dl_benchmarks.peers.stand_in", stand_in)
    monkeypatch.setitem(peers.MODULES, "b", ("stand_in", "fast"))
    trial = PeerTrial(peers.prepare(job("b", mode=mode)))
    given = ({"n_neurons": 4}, 2, 5, "fast")
    assert done == [given]
    stages = trial.stages()
    assert min(next(stages) for _ in range(3)) >= 0
    assert done == [given, "build", expected, expected]
    assert trial.summary()["versions"]["numpy"] == np.__version__
    assert trial.summary()["peak"] >= trial.idle > 2**20


@pytest.mark.parametrize("backend", peers.MODULES)
def test_framework_says_what_it_has_not(backend):
    name, _ = peers.MODULES[backend]
    case, lack = (
        (LAYER, "has no spiking neurons")
        if name == "keras_lmu"
        else (MEMORY, "has no Legendre memory unit")
    )
    with pytest.raises(NotImplementedError, match=lack):
        peers.prepare(job(backend, case))
    with pytest.raises(NotImplementedError, match="modes predict and train, not run"):
        peers.prepare(job(backend, mode="run"))


def test_worker_needs_no_framework_to_say_so():
    (found,) = measure(LAYER, [Backend("keras_lmu_fft", sys.executable, "a")])
    assert found.error == "NotImplementedError: Keras-LMU has no spiking neurons"


def test_missing_framework_is_told():
    (found,) = measure(LAYER, [Backend("norse", sys.executable, "Norse")])
    assert found.error.startswith("ModuleNotFoundError: No module named")


def test_all_have_imported_before_one_is_timed(tmp_path):
    """Each process notes when it is ready, and when it is first asked."""
    log = tmp_path / "log"
    python = tmp_path / "python"
    python.write_text(
        f"#!/bin/sh\necho ready >> {log}\n"
        "echo '{\"ready\": true}'\n"
        f"while read line; do echo asked >> {log}; "
        "echo '{\"seconds\": 2}'; done\n"
        'echo \'{"versions": {"framework": "1.0"}}\'\n'
    )
    python.chmod(0o755)
    backends = [Backend("spyx", str(python), label) for label in "ab"]
    for found in measure(LAYER, backends, repetitions=2):
        assert (found.error, found.warm) == (None, [2, 2])
        assert found.versions == {"framework": "1.0"}
    assert log.read_text().split() == ["ready"] * 2 + ["asked"] * 8


def measured(case, backend, *warm, peak=2**20, error=None):
    return Measurement(case, backend, 1.0, 1.0, list(warm), peak=peak, error=error)


NONE = "NotImplementedError: Keras-LMU has no spiking neurons"


@pytest.fixture
def path(tmp_path):
    """A file of results: a win, a loss, and what is neither."""
    results = Results(tmp_path / "peers.json")
    results.begin()
    results.put(
        [
            measured(LAYER, "NengoDL", 1.0, 1.1, 0.9, peak=2**22),
            measured(LAYER, "Spyx", 2.0, 2.1, 2.2),
            measured(LAYER, "Norse", 3.0, 3.0, 3.0),
            Measurement(LAYER, "Keras-LMU", error=NONE),
        ]
    )
    results.put(
        [
            measured(TRAINED, "NengoDL", 1.0, 1.0, 1.0),
            measured(TRAINED, "Spyx", 0.5, 0.5, 0.5),
            Measurement(TRAINED, "Norse", error="exit status 1: out of order"),
        ]
    )
    results.put(
        [
            measured(MEMORY, "NengoDL", 1.0, 1.0),
            measured(MEMORY, "Keras-LMU", 0.5, 1.6),
        ]
    )
    return results.path


def test_first_is_compared_with_the_best_of_the_others(path):
    results = Results(path)
    first, spyx, norse, _ = results.of(LAYER)
    assert best_other([first, norse, spyx]) is spyx
    assert best_other([spyx, first, norse]) is first  # though faster than the first
    shown = section(results, "spiking_layer")
    assert shown.columns == (
        *("passes", "best other / NengoDL", "NengoDL", "Spyx", "Norse"),
    )
    assert shown.same == "n_neurons=4, inputs=2, steps=5"
    assert shown.durations == [
        ("forward", "2.1x (1.9–2.4)", "**1.00 s**", "2.10 s", "3.00 s"),
        ("forward and backward", "0.5x (0.5–0.5)", "1.00 s", "**500 ms**", "–"),
    ]
    assert shown.memory[0][1:] == ("0.25x", "4 MiB", "**1 MiB**", "**1 MiB**")
    assert shown.remarks == [
        "Keras-LMU has no spiking neurons.",
        "Norse failed in spiking_layer(n_neurons=4), 5 steps, forward and backward: "
        "exit status 1: out of order",
    ]


def test_page_counts_wins_and_losses(path, tmp_path):
    page = tmp_path / "peers.md"
    arguments = ["report", "--results", str(path), "--peers", str(page)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    text = page.read_text()
    assert text == peers_page(Results(path))
    assert "- faster than all others: 1\n" in text
    assert "- neither, the range holds 1x: 1\n" in text
    assert "- slower than the best other: 1\n" in text
    loss = "spiking_layer(n_neurons=4), 5 steps, forward and backward: 0.5x (0.5–0.5)"
    assert f"  - {loss}, Spyx" in text
    assert "- Keras-LMU has no spiking neurons." in text
    assert "- date: 20" in text


def test_spiking_networks_are_given_spikes():
    net = spiking_layer(50)
    (values,) = random_inputs(net, batch_size=3, n_steps=200).values()
    assert (values.shape, values.dtype) == ((3, 200, 50), np.float32)
    assert set(np.unique(values)) == {0, 1}
    assert values.mean() == pytest.approx(0.1, abs=0.01)  # 5.8 standard deviations
    assert net.p.size_in == 50


def n_trainable(net):
    from nengo_dl_core import Simulator

    with Simulator(net, progress_bar=False) as sim:
        return sum(np.prod(w.shape) for w in sim.keras_model.trainable_weights)


def test_weights_are_trained_and_nothing_else():
    assert n_trainable(spiking_layer(8, recurrent=True)) == 2 * 8 * 8
    readout = 10 * 4 * 2 * 2
    assert n_trainable(spiking_convolution(8, 2)) == 9 * 2 + 9 * 2 * 4 + readout


def test_voltages_are_those_of_other_frameworks():
    net = spiking_layer(4)
    net.connections[0].transform = nengo.Dense((4, 4), init=0.125 * np.eye(4))
    net.inp.output = np.ones(4)
    with net:
        voltage = nengo.Probe(net.ensembles[0].neurons, "voltage")
    with nengo.Simulator(net, progress_bar=False) as sim:
        sim.run_steps(11)
    expected = [0.125]
    while (following := 0.95 * expected[-1] + 0.125) < 1:
        expected.append(following)
    assert len(expected) == 9
    np.testing.assert_allclose(
        sim.data[voltage][:9], np.tile(expected, (4, 1)).T, rtol=1e-12
    )
    np.testing.assert_array_equal(sim.data[net.p][:9], 0)
    np.testing.assert_array_equal(sim.data[net.p][9], 1)


def test_memory_and_layer_follow_the_equations():
    from nengo_dl_benchmarks.networks.lmu import memory_matrices

    n_steps, order = 12, 6
    net = legendre_memory(theta=10, order=order, units=5, outputs=2)
    x = np.random.default_rng(0).normal(size=n_steps)
    net.inp.output = lambda t: x[round(1000 * t) - 1]
    with nengo.Simulator(net, progress_bar=False) as sim:
        sim.run_steps(n_steps)
    weights = [sim.data[connection].weights for connection in net.connections[2:]]
    W_m, W_x, W_out, W_h = weights
    A, B = memory_matrices(10, order)
    m, h = np.zeros((order, 1)), np.zeros((5, 1))
    for step, value in enumerate(x):
        m = A @ m + B * value
        h = np.tanh(W_m @ m + W_x * value + W_h @ h)
        np.testing.assert_allclose(sim.data[net.p][step], (W_out @ h)[:, 0], rtol=1e-9)


def test_training_with_a_minibatch_is_timed():
    comparison = compare(
        spiking_layer(4), ["dl"], mode="train", batch_size=2, n_steps=5, reps=1
    )
    assert comparison.measurements[0].error is None
    assert len(comparison.measurements[0].warm) == 1
    with nengo.Network() as without:
        nengo.Probe(nengo.Ensemble(5, 1))
    (refused,) = compare(without, ["reference"], mode="train", reps=1).measurements
    assert refused.error == "NotImplementedError: Simulator has no fit"
