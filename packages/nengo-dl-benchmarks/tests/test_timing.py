"""Timing several simulators in turn."""

import nengo
import pytest

from nengo_dl_benchmarks.timing import time_simulators


class Recorder:
    """A simulator that writes down what is done with it."""

    def __init__(self, name, record):
        self.name, self.record = name, record
        record.append(f"{name} build")

    def run_steps(self, n_steps):
        self.record.append(f"{self.name} run {n_steps}")

    def reset(self):
        self.record.append(f"{self.name} reset")

    def close(self):
        self.record.append(f"{self.name} close")


def test_simulators_take_turns_and_start_from_the_beginning():
    record = []
    timings = time_simulators(
        nengo.Network(),
        {name: lambda _, name=name: Recorder(name, record) for name in "ab"},
        n_steps=5,
        repetitions=2,
    )
    assert record == [
        *["a build", "a run 5", "b build", "b run 5"],
        *["a reset", "a run 5", "b reset", "b run 5"] * 2,
        *["a close", "b close"],
    ]
    assert {name: len(timing.warm) for name, timing in timings.items()} == {
        "a": 2,
        "b": 2,
    }


def test_simulators_are_closed_when_a_run_fails():
    class Broken(Recorder):
        def run_steps(self, n_steps):
            raise RuntimeError("broken")

    record = []
    with pytest.raises(RuntimeError, match="broken"):
        time_simulators(nengo.Network(), {"a": lambda _: Broken("a", record)})
    assert record[-1] == "a close"
