"""Progress bars."""

import io

import nengo
import pytest
from nengo.utils.progress import ProgressBar as NengosProgressBar

from nengo_dl_core import Simulator
from nengo_dl_core.progress import NullProgressBar, ProgressBar


def test_bar_shows_how_far_it_is():
    out = io.StringIO()
    with ProgressBar("Working", "Work", 4, delay=0, mininterval=0, file=out) as bar:
        assert bar.max_steps == 4
        bar.step(2)
        bar.max_steps = 8
    assert "Working:  50%" in out.getvalue()
    assert "2/8" in out.getvalue()


def test_bar_of_a_part_names_the_task():
    bar = ProgressBar("Working", "Work").sub("first part", max_value=3)
    assert (bar.present, bar.max_value) == ("Working: first part", 3)


def test_short_tasks_show_nothing():
    out = io.StringIO()
    with ProgressBar("Working", "Work", 2, file=out) as bar:
        bar.step()
        bar.step()
    assert out.getvalue() == ""


def test_null_bar(capsys):
    with NullProgressBar("Working", delay=0) as bar:
        bar.step()
        bar.sub("part").step()
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_error_closes_the_bar():
    bar = ProgressBar("Working", delay=0, file=io.StringIO())
    with pytest.raises(ZeroDivisionError), bar:
        raise ZeroDivisionError
    bar.step()
    assert bar._bar is None


class RecordingBar(NengosProgressBar):
    """One of Nengo's bars that remembers what it has been asked to show."""

    def __init__(self):
        self.shown = []
        self.closed = False

    def update(self, progress):
        self.shown.append((progress.name_during, progress.n_steps, progress.max_steps))

    def close(self):
        self.closed = True


def test_nengos_own_bars_show_building_and_running():
    with nengo.Network() as net:
        nengo.Ensemble(5, 1)
    building, running = RecordingBar(), RecordingBar()
    with Simulator(net, progress_bar=building) as sim:
        assert sim.progress_bar is building
        sim.run_steps(10, progress_bar=running)
    assert {name for name, *_ in building.shown} == {"Building"}
    assert running.shown[-1] == ("Simulating", 10, 10)
    assert building.closed
    assert running.closed
