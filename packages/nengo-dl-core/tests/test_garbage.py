"""The garbage collector while a network is built."""

import gc

import nengo
import pytest

from nengo_dl_core import Simulator, configure_settings
from nengo_dl_optimizer import greedy_planner


def network(planner):
    with nengo.Network() as net:
        configure_settings(planner=planner)
        nengo.Probe(nengo.Ensemble(10, 1))
    return net


def test_older_objects_are_not_visited_while_the_graph_is_made():
    seen = []

    def planner(*args):
        seen.append(gc.get_freeze_count())
        return greedy_planner(*args)

    Simulator(network(planner), progress_bar=False).close()
    assert seen[0] > 100_000  # among them all of TensorFlow
    assert gc.get_freeze_count() == 0


def test_objects_that_were_frozen_before_stay_so():
    gc.freeze()
    try:
        before = gc.get_freeze_count()
        Simulator(network(greedy_planner), progress_bar=False).close()
        assert gc.get_freeze_count() == pytest.approx(before, rel=0.01)
    finally:
        gc.unfreeze()


def test_all_objects_are_visited_again_after_an_error():
    def planner(*args):
        raise RuntimeError("no plan")

    with pytest.raises(RuntimeError, match="no plan"):
        Simulator(network(planner), progress_bar=False)
    assert gc.get_freeze_count() == 0
