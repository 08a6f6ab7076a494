"""Spiking networks that learn small data of our own."""

import json
import sys

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


@pytest.mark.parametrize(
    "network",
    [QUICK, Classifier((8, 8), True, 3, epochs=1, minibatch_size=20)],
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
    assert str(Classifier((8, 4), True, 3)) == "8–4, recurrent, learned delays"


def test_too_few_samples_are_refused():
    with pytest.raises(
        ValueError, match=r"100 samples to learn from, fewer than .* 200"
    ):
        Classifier((4,), minibatch_size=200).score("order", samples(), seed=0)


def test_forecaster_predicts_a_chaotic_series():
    series = mackey_glass(12)
    past, future = series[:750], series[750:825]
    fitted = forecaster.fit(past, n_delays=14, n_neurons=1000)
    predicted, metrics = forecaster.predict(fitted, past, len(future))
    assert smape(predicted, future) < 3 < smape(np.full(75, past.mean()), future)
    assert not metrics.not_counted
    # delays, direction, sum, thresholds and decoders
    operations = (13 + 14 + 14 + 1000 + 1000) * metrics.n_steps
    assert metrics.dense_operations == operations
    assert metrics.effective_acs < 1000 * metrics.n_steps  # not all neurons spike
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
    task = tasks.Task(lambda folder: samples(), (QUICK,))
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
    assert "| GunPoint | 16 | NengoDL |" in page
    assert "processor" in page


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
    assert (job["layers"], job["epochs"], job["n_classes"]) == ([16], 20, 2)


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
    for seed, value in enumerate((0.9, 1.0)):
        several.put(scores.Score("a", "16", seed, "accuracy", value, 5, 1.0, 10, 2, 3))
    several.put(scores.Score("b", "1", 0, "sMAPE", 12.0, 1, 0.5))
    assert several.rows == [
        ("a", "16", "NengoDL", "95.0 ± 7.1 %", "5", "2", "3", "10", "1.00 s"),
        ("b", "1", "NengoDL", "sMAPE 12.0 %", "1", "–", "–", "–", "500 ms"),
    ]
