"""Progress bars."""

import io

import pytest

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
