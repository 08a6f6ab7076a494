"""Garbage collection while a network is built."""

import gc
import weakref

import nengo
import pytest

from nengo_dl_core import Simulator
from nengo_dl_core.network import garbage
from nengo_dl_core.network.garbage import only_new_garbage


class Cycle:
    """An object that only Python's garbage collection can free."""

    def __init__(self):
        self.itself = self


def cycle():
    return weakref.ref(Cycle())


def test_only_what_is_new_is_collected_in_a_build():
    old = cycle()
    with only_new_garbage():
        new = cycle()
        gc.collect()
        assert new() is None
        assert old() is not None
    gc.collect()
    assert old() is None


def test_what_builds_leave_behind_is_collected_before_another_one(monkeypatch):
    monkeypatch.setattr(garbage, "_MANY", 0)
    with only_new_garbage():
        left = cycle(), [[]]
    with only_new_garbage():
        assert left[0]() is None


def test_nothing_stays_put_aside():
    threshold = gc.get_threshold()

    def broken(x):
        if x != 0:  # which Nengo finds out the size with
            raise ZeroDivisionError

    with nengo.Network() as net:
        ensemble = nengo.Ensemble(5, 1)
        nengo.Connection(ensemble, nengo.Node(size_in=1), function=broken)
    with pytest.raises(ZeroDivisionError):
        Simulator(net, progress_bar=False)
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == threshold


def test_what_somebody_else_has_put_aside_stays_so():
    gc.freeze()
    try:
        with only_new_garbage(), only_new_garbage():
            pass
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
