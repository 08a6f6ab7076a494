"""The thread pools of linear algebra while a network is built."""

import nengo
import numpy as np
import pytest
import scipy.linalg
from threadpoolctl import ThreadpoolController

from nengo_dl_core import Simulator
from nengo_dl_core.network.thread_pools import limited_threads


def n_threads(*limited):
    """The number of threads of each pool, where those of some packages are limited."""
    libraries = ThreadpoolController().info()
    assert any("scipy.libs" in x["filepath"] for x in libraries), scipy.linalg
    return {
        x["filepath"]: 1
        if any(f"{package}.libs" in x["filepath"] for package in limited)
        else x["num_threads"]
        for x in libraries
    }


class Solver(nengo.solvers.Solver):
    """Keeps the number of threads that it was called with."""

    def __call__(self, A, Y, rng=None):
        self.n_threads = n_threads()
        return np.zeros((A.shape[1], Y.shape[1])), {}


def network(sizes, solver=None, **kwargs):
    with nengo.Network() as net:
        for n_neurons in sizes:
            nengo.Connection(
                nengo.Ensemble(n_neurons, 1, **kwargs),
                nengo.Node(size_in=1),
                solver=solver or nengo.solvers.LstsqL2(),
            )
    return net


@pytest.mark.parametrize(
    ("sizes", "limited"),
    [([100, 100], []), ([250, 250], ["scipy", "numpy"]), ([1, 513], ["scipy"])],
)
def test_pools_are_limited_where_that_makes_a_build_faster(sizes, limited):
    before, solver = n_threads(), Solver()
    Simulator(network(sizes, solver), progress_bar=False).close()
    assert solver.n_threads == n_threads(*limited)
    assert n_threads() == before


@pytest.mark.parametrize(
    "net",
    [
        network([1000], nengo.solvers.NoSolver()),
        network([1000], neuron_type=nengo.Direct()),
    ],
    ids=["decoders are given", "no neurons"],
)
def test_pools_are_not_limited_where_nothing_is_solved_for(net):
    before = n_threads()
    with limited_threads(net):
        assert n_threads() == before


def test_the_limit_lasts_as_long_as_any_user_needs_it():
    """The user that begins first ends first."""
    before = n_threads()
    first = limited_threads(network([500]))
    second = limited_threads(network([600]))
    first.__enter__()
    second.__enter__()
    assert n_threads() == n_threads("numpy", "scipy")
    first.__exit__(None, None, None)
    assert n_threads() == n_threads("scipy")
    second.__exit__(None, None, None)
    assert n_threads() == before
