"""Progress bars."""

import gc
import io
import signal
import threading
import time
import weakref
from functools import wraps

import nengo
import numpy as np
import pytest
from nengo.utils.progress import ProgressBar as NengosProgressBar
from threadpoolctl import threadpool_info

from nengo_dl_core import Simulator, configure_settings
from nengo_dl_core.engine import tensorflow_loop
from nengo_dl_core.network.build import NengoBuilder, NengoModel
from nengo_dl_core.progress import NullProgressBar, ProgressBar
from nengo_dl_optimizer import layered_planner


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


def test_parts_that_take_long_are_named_while_they_wait(capsys):
    bar = ProgressBar("Working")
    with bar, bar.part("at its hardest"):
        time.sleep(0.5)
        assert capsys.readouterr().err == ""
        time.sleep(0.7)
        assert "Working: at its hardest [00:01]" in capsys.readouterr().err


def test_parts_that_are_short_are_not_shown(capsys):
    bar = ProgressBar("Working")
    with bar, bar.part("quickly"):
        time.sleep(0.1)
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def slowly(function, seconds=1.2):
    """Make a function take longer than it takes for a bar to appear."""

    @wraps(function)
    def slow(*args, **kwargs):
        time.sleep(seconds)
        return function(*args, **kwargs)

    return slow


def test_all_stages_show_their_names(capsys, monkeypatch):
    """Nengo's build, planning, tracing and compilation, if each of them is slow."""
    with nengo.Network() as net:
        ensemble = nengo.Ensemble(5, 1, n_eval_points=2)
        nengo.Probe(ensemble)
        nengo.Connection(ensemble, ensemble, function=slowly(np.sin, 0.6))
        configure_settings(planner=slowly(layered_planner), jit_compile=True)
    for name in ("simulate", "call_without_arguments"):
        function = getattr(tensorflow_loop, name)
        monkeypatch.setattr(tensorflow_loop, name, slowly(function))
    with Simulator(net) as sim:
        shown = capsys.readouterr().err
        assert "Building:" in shown
        assert "Building: optimization [00:01]" in shown
        sim.run_steps(2)
        shown = capsys.readouterr().err
        assert "Simulating: tracing [00:0" in shown
        assert "Simulating: compilation, and first steps [00:0" in shown
        sim.run_steps(2)
        assert "compilation" not in capsys.readouterr().err


@pytest.fixture
def interruptible():
    """Let an interrupt be an error, as it is not in processes of the background."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


def interrupt(*args, **kwargs):
    signal.raise_signal(signal.SIGINT)


class Interrupting(nengo.solvers.Solver):
    def __call__(self, A, Y, rng=None):
        interrupt()


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("stage", ["decoders", "planner"])
def test_an_interrupted_build_leaves_nothing_behind(stage):
    n_threads = threadpool_info(), threading.active_count()
    model = NengoModel(builder=NengoBuilder())
    seen = weakref.ref(model)
    with nengo.Network() as net:
        solver = nengo.solvers.LstsqL2()
        if stage == "decoders":
            solver = Interrupting()
        else:
            configure_settings(planner=interrupt)
        nengo.Probe(nengo.Ensemble(500, 1), solver=solver)
    with pytest.raises(KeyboardInterrupt):
        Simulator(net, model=model)
    assert (threadpool_info(), threading.active_count()) == n_threads
    assert gc.get_freeze_count() == 0
    del model
    gc.collect()
    assert seen() is None


@pytest.mark.usefixtures("interruptible")
def test_a_simulation_goes_on_after_its_tracing_was_interrupted(monkeypatch):
    with nengo.Network(seed=0) as net:
        probe = nengo.Probe(nengo.Ensemble(5, 1))
        configure_settings(jit_compile=True)
    with Simulator(net, progress_bar=False) as sim:
        monkeypatch.setattr(tensorflow_loop, "simulate", interrupt)
        with pytest.raises(KeyboardInterrupt):
            sim.run_steps(5)
        assert sim.n_steps == 0
        monkeypatch.undo()
        sim.run_steps(5)
    with Simulator(net, progress_bar=False) as other:
        other.run_steps(5)
    np.testing.assert_array_equal(sim.data[probe], other.data[probe])
