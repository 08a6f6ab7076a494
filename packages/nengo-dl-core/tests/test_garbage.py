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


@pytest.mark.parametrize("enabled", [True, False])
def test_collector_rests_only_while_the_graph_is_made(enabled):
    seen = []

    def planner(*args):
        seen.append(gc.isenabled())
        return greedy_planner(*args)

    assert gc.isenabled()
    try:
        if not enabled:
            gc.disable()
        Simulator(network(planner), progress_bar=False).close()
        assert gc.isenabled() == enabled
    finally:
        gc.enable()
    assert seen == [False]


def test_collector_works_again_after_an_error():
    def planner(*args):
        raise RuntimeError("no plan")

    with pytest.raises(RuntimeError, match="no plan"):
        Simulator(network(planner), progress_bar=False)
    assert gc.isenabled()
