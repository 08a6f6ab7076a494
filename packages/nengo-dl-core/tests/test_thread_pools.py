"""The thread pools of linear algebra while a network is built."""

import nengo
import numpy as np
import scipy.linalg
from threadpoolctl import ThreadpoolController

from nengo_dl_core import Simulator
from nengo_dl_core.network.thread_pools import single_threaded_scipy


def n_threads():
    libraries = ThreadpoolController().info()
    assert any("scipy.libs" in x["filepath"] for x in libraries), scipy.linalg
    return {x["filepath"]: x["num_threads"] for x in libraries}


class Solver(nengo.solvers.Solver):
    """Keeps the number of threads that it was called with."""

    def __call__(self, A, Y, rng=None):
        self.n_threads = n_threads()
        return np.zeros((A.shape[1], Y.shape[1])), {}


def test_scipy_has_a_single_thread_while_decoders_are_solved_for():
    before = n_threads()
    with nengo.Network() as net:
        a = nengo.Ensemble(10, 1)
        connection = nengo.Connection(a, nengo.Node(size_in=1), solver=Solver())
        nengo.Probe(connection)
    Simulator(net, progress_bar=False).close()
    assert connection.solver.n_threads == {
        path: 1 if "scipy.libs" in path else n for path, n in before.items()
    }
    assert n_threads() == before


def test_the_limit_lasts_as_long_as_any_user_needs_it():
    """The user that begins first ends first."""
    before = n_threads()
    limited = {path: 1 if "scipy.libs" in path else n for path, n in before.items()}
    first, second = single_threaded_scipy(), single_threaded_scipy()
    first.__enter__()
    second.__enter__()
    assert n_threads() == limited
    first.__exit__(None, None, None)
    assert n_threads() == limited
    second.__exit__(None, None, None)
    assert n_threads() == before
