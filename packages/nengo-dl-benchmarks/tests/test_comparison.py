"""Measuring simulators in processes of their own."""

import sys
from itertools import groupby

import pytest

from nengo_dl_benchmarks import comparison
from nengo_dl_benchmarks.comparison import Backend, Case, Measurement, measure

REFERENCE = Backend("reference", sys.executable, "reference")
SMALL = Case("feedback", {"n_neurons": 10, "neuron_type": "LIF"}, n_steps=10)


@pytest.mark.parametrize("short_run", [60.0, 0.0])
def test_simulators_take_turns(monkeypatch, short_run):
    """A short run has others before it."""
    monkeypatch.setattr(comparison, "SHORT_RUN", short_run)
    monkeypatch.setattr(comparison, "WAKING", 0.05)
    record = []

    class Recorder(comparison.Worker):
        def stage(self):
            record.append(self.backend.label)
            super().stage()

    monkeypatch.setattr(comparison, "Worker", Recorder)
    backends = [Backend("reference", sys.executable, label) for label in "ab"]
    measurements = measure(SMALL, backends, repetitions=3)
    turns = [(label, len(list(stages))) for label, stages in groupby(record)]
    assert [label for label, _ in turns] == ["a", "b"] * 4
    assert [n_stages for _, n_stages in turns[:2]] == [2, 2]  # build and first run
    n_runs = [n_stages for _, n_stages in turns[2:]]
    assert min(n_runs) > 1 if short_run else n_runs == [1] * 6
    for found in measurements:
        assert found.error is None
        assert len(found.warm) == 3
        assert min(found.build, found.first, *found.warm) > 0
        assert found.peak > 2**20
        assert {"python", "nengo", "numpy"} <= found.versions.keys()


def test_failure_of_one_simulator_leaves_the_others_alone():
    backends = [Backend("nothing", sys.executable, "nothing"), REFERENCE]
    failed, done = measure(SMALL, backends, repetitions=1)
    assert "LookupError: no simulator 'nothing'" in failed.error
    assert failed.warm == []
    assert len(done.warm) == 1


@pytest.mark.parametrize(
    ("end", "expected"),
    [("exit 3", "exit status 3: out of order"), ("kill -9 $$", "ended by SIGKILL")],
)
def test_process_that_dies_is_a_failure(tmp_path, end, expected):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho out of order >&2\n{end}\n")
    python.chmod(0o755)
    (failed,) = measure(SMALL, [Backend("reference", str(python), "dead")])
    assert failed.error == expected


@pytest.mark.parametrize("mode", ["run", "step", "predict", "build"])
def test_every_mode_works_on_a_simulator_without_minibatches(mode):
    case = Case(SMALL.benchmark, SMALL.size, mode, batch_size=2, n_steps=5)
    (found,) = measure(case, [REFERENCE], repetitions=1)
    assert found.error is None
    assert found.typical > 0


def test_measurement_survives_being_written():
    found = Measurement(SMALL, "a", 1.0, 2.0, [3.0], 4, {"nengo": "4.1.0"})
    assert Measurement.from_dict(comparison.asdict(found)) == found
