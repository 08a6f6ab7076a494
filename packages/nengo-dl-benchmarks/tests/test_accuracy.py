"""Spiking networks that learn small data of our own."""

import json
import sys
from dataclasses import asdict, replace

import nengo
import numpy as np
import pytest
from click.testing import CliRunner

from nengo_dl_benchmarks.accuracy import forecaster, scores, tasks
from nengo_dl_benchmarks.accuracy.classifier import Classifier
from nengo_dl_benchmarks.accuracy.data import MissingData, Samples
from nengo_dl_benchmarks.accuracy.forecaster import Forecaster
from nengo_dl_benchmarks.accuracy.mackey_glass import mackey_glass, smape
from nengo_dl_benchmarks.cli import main


def samples(n=200, n_steps=12):
    """Two channels, of which the one that is active first tells the class."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=n)
    x = 0.1 * rng.normal(size=(n, n_steps, 2)).astype(np.float32)
    x[np.arange(n), 2, y] += 3
    x[np.arange(n), 6, 1 - y] += 3
    return Samples(x[:100], y[:100], x[100:], y[100:])


QUICK = Classifier((16,), epochs=20, minibatch_size=20, tau_out=5)
UNTRAINED = replace(QUICK, epochs=1)


@pytest.mark.parametrize(
    "network",
    [
        QUICK,
        Classifier(
            (8, 8),
            recurrent=True,
            n_delayed=2,
            max_delay=3,
            bits=4,
            epochs=1,
            minibatch_size=20,
        ),
    ],
    ids=str,
)
def test_network_is_trained_and_measured(network):
    score = network.score("order", samples(), seed=0)
    assert (score.task, score.n_steps, score.figure) == ("order", 12, "accuracy")
    assert score.seconds > 0
    assert score.effective_acs > 0  # of spikes
    assert 0 < score.effective_macs <= score.dense_operations  # of the inputs
    if network is QUICK:
        assert score.value > 0.9
        assert score.dense_operations == 12 * (2 * 16 + 16 * 2)


def test_network_says_what_it_is():
    network = Classifier((8, 4), ((3, 5, 2),), True, n_delayed=1, bits=4)
    assert str(network) == "3 of 5×5–8–4, recurrent, learned delays, 4 bits"


def test_images_are_convolved():
    images = Samples(*(np.ones((5, 2, 49)), np.arange(5) % 2) * 2)
    network = Classifier((6,), ((3, 3, 2), (4, 2, 1)))
    net = network.network(images, seed=0)
    sizes = [ensemble.n_neurons for ensemble in net.all_ensembles]
    assert sizes == [3 * 3 * 3, 2 * 2 * 4, 6]


def test_an_input_of_one_adds_about_one_to_a_voltage():
    for tau_rc in (1.5, 5, 20, 100):
        step = -np.expm1(-1 / tau_rc)
        assert 2**-0.5 <= step * Classifier((4,), tau_rc=tau_rc).gain <= 2**0.5


def test_inputs_of_few_bits_are_as_large_as_those_to_learn_from():
    for largest, fraction in ((0.9, 7), (1.0, 6), (3.9, 5)):
        given = samples()
        given.train_x[...] = 0
        given.train_x[0, 0, 0] = -largest
        net = Classifier((4,), bits=8).network(given, seed=0)
        quantization = net.config[nengo.Network].quantization
        assert (quantization.bits, quantization.input_fraction) == (8, fraction)


def test_too_few_samples_are_refused():
    with pytest.raises(
        ValueError, match=r"100 samples to learn from, fewer than .* 200"
    ):
        Classifier((4,), minibatch_size=200).score("order", samples(), seed=0)


def test_forecaster_predicts_a_chaotic_series(monkeypatch):
    monkeypatch.setattr(forecaster, "N_EVALUATIONS", 5)  # it could be better
    series = mackey_glass(12)
    past, future = series[300:750], series[750:825]
    fitted = forecaster.fit(past, n_delays=14, n_neurons=300)
    predicted, metrics = forecaster.predict(fitted, past, len(future))
    assert smape(predicted, future) < 3 < smape(np.full(75, past.mean()), future)
    assert not metrics.not_counted
    # delays, direction, sum, thresholds and decoders
    operations = (13 + 14 + 14 + 300 + 300) * metrics.n_steps
    assert metrics.dense_operations == operations
    assert metrics.effective_acs < 300 * metrics.n_steps  # not all neurons spike
    # It is what its parameters say.
    known = list(past[-14:])
    for value in predicted:
        last = np.array(known[:-15:-1])
        spikes = last @ fitted.direction > fitted.thresholds
        known.append(last @ fitted.linear + spikes @ fitted.decoders + fitted.constant)
        assert known[-1] == pytest.approx(value, rel=1e-9)


def test_forecasts_are_divided_among_seeds(monkeypatch):
    firsts = []

    def fit(past, n_delays, n_neurons):
        firsts.append(past[0])
        raise StopIteration

    monkeypatch.setattr(forecaster, "fit", fit)
    for seed in range(3):
        with pytest.raises(StopIteration):
            Forecaster(repeats=3).score("series", seed)
    np.testing.assert_array_equal(firsts, mackey_glass(21)[[0, 37, 75]])


def run(*arguments):
    return CliRunner().invoke(main, ["accuracy", *map(str, arguments)])


@pytest.fixture
def one_task(monkeypatch):
    task = tasks.Task(lambda folder: samples(), (UNTRAINED,), compared=True)
    monkeypatch.setitem(tasks.TASKS, "GunPoint", task)


def test_the_command_writes_a_table_a_file_and_a_page(one_task, tmp_path):
    paths = [tmp_path / "scores.json", tmp_path / "page.md"]
    options = ["--output", paths[0], "--markdown", paths[1]]
    result = run("--task", "GunPoint", "--seeds", 2, *options)
    assert result.exit_code == 0, result.output
    assert "GunPoint" in result.output
    stored = json.loads(paths[0].read_text())
    assert [score["seed"] for score in stored["scores"]] == [0, 1]
    page = paths[1].read_text()
    assert page.count("| GunPoint | 16 |") == 2  # accuracy, and what it takes
    assert "processor" in page


def test_the_command_adds_networks_of_few_bits_to_a_file(
    one_task, monkeypatch, tmp_path
):
    first = scores.Score("a", "16", 0, "accuracy", 0.5, 5, 1.0)
    path, page = tmp_path / "scores.json", tmp_path / "page.md"
    scores.Scores(path).put(first)
    options = ["--append", "--output", path, "--markdown", page]
    monkeypatch.setattr(sys, "argv", ["nengo-dl-benchmarks", "accuracy", "--append"])
    result = run("--task", "GunPoint", "--seeds", 1, "--quantization", 4, *options)
    assert result.exit_code == 0, result.output
    stored = json.loads(path.read_text())
    kept, own, few = stored["scores"]
    assert kept == asdict(first)
    assert [own["network"], few["network"]] == ["16", "16, 4 bits"]
    assert few["footprint"] < own["footprint"] / 2
    assert len(stored["commands"]) == 2
    assert "| a | 16 |" in page.read_text()


def test_the_command_trains_what_a_file_lacks(one_task, tmp_path):
    path = tmp_path / "scores.json"
    options = ["--task", "GunPoint", "--append", "--output", path]
    for seeds in (1, 2):
        result = run(*options, "--seeds", seeds)
        assert result.exit_code == 0, result.output
        stored = json.loads(path.read_text())
        assert [score["seed"] for score in stored["scores"]] == [*range(seeds)]
        assert all(score["seconds"] > 0 for score in stored["scores"])
    result = run(*options, "--seeds", 3, "--untimed")
    assert result.exit_code == 0, result.output
    *_, untimed = json.loads(path.read_text())["scores"]
    assert (untimed["seed"], untimed["seconds"]) == (2, None)


def test_peer_is_trained_beside(one_task, tmp_path):
    # A peer's interpreter that stands for one with snnTorch.
    python = tmp_path / "python"
    found = '{"accuracy": 0.5, "seconds": 2.0}'
    python.write_text(f"#!/bin/sh\ncat $2 > {tmp_path}/job.json\necho '{found}'\n")
    python.chmod(0o755)
    path = tmp_path / "scores.json"
    options = ["--peer", python, "--output", path]
    result = run("--task", "GunPoint", "--seeds", 1, *options)
    assert result.exit_code == 0, result.output
    ours, theirs = json.loads(path.read_text())["scores"]
    assert (ours["framework"], theirs["framework"]) == ("NengoDL", "snnTorch")
    assert (theirs["value"], theirs["seconds"]) == (0.5, 2.0)
    job = json.loads((tmp_path / "job.json").read_text())
    assert (job["layers"], job["epochs"], job["n_classes"]) == ([16], 1, 2)


def test_failure_of_a_peer_is_told():
    with pytest.raises(
        RuntimeError, match=r"(?s)GunPoint in snnTorch: .*No module named"
    ):
        tasks.score_of_peer(sys.executable, "GunPoint", QUICK, samples(), 0)


def test_missing_data_is_told(monkeypatch):
    def load(folder):
        raise MissingData("install aeon")

    monkeypatch.setitem(tasks.TASKS, "ACSF1", tasks.Task(load, (QUICK,)))
    result = run("--task", "ACSF1")
    assert result.exit_code == 2
    assert "install aeon" in result.output


def test_spread_is_that_over_seeds():
    several = scores.Scores()
    for seed, (value, seconds) in enumerate([(0.9, 1.0), (1.0, None)]):
        several.put(
            scores.Score("a", "16", seed, "accuracy", value, 5, seconds, 10, 2, 3, 4)
        )
    several.put(scores.Score("b", "1", 0, "sMAPE", 12.0, 1, 0.5))
    peer = scores.Score("a", "16", 0, "accuracy", 0.8, 5, 2.0, framework="snnTorch")
    several.put(peer)
    assert several.accuracies == [
        ("a", "16", "95.0 ± 7.1 %", "2", "1.00 s"),
        ("a", "16, in snnTorch", "80.0 %", "1", "2.00 s"),
        ("b", "1", "sMAPE 12.0 %", "1", "500 ms"),
    ]
    assert several.operations == [("a", "16", "5", "2", "3", "10", "4")]
