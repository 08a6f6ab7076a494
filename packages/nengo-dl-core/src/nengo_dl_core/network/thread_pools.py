"""Keeps the thread pools of NumPy and SciPy from slowing each other down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from nengo import Direct, Ensemble, Network
from nengo.solvers import NoSolver

# Neurons of an ensemble from which on its products gain from several threads.
_LARGE = 512

# Neurons to solve for in all: fewer are done before the pools are found (20 ms).
_MANY = 500


class _SharedLimit:
    """A limit of the process, which holds while at least one thread needs it."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._lock = Lock()
        self._n_users = 0
        self._limiter: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._n_users == 0:
                self._limiter = _limit(self._package)
            self._n_users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._n_users -= 1
            if self._n_users == 0:
                self._limiter.restore_original_limits()


_numpy = _SharedLimit("numpy")
_scipy = _SharedLimit("scipy")


@contextmanager
def limited_threads(network: Network) -> Iterator[None]:
    """Restrict linear algebra to a single thread, where that makes a build faster.

    It is a limit of the whole process, as OpenBLAS has none for a thread. If several
    threads ask for it at the same time, it ends with the last of them.

    NumPy and SciPy each bring an OpenBLAS of their own, whose threads keep the
    processors busy while they wait for work. Nengo's solvers use the one, then the
    other. Measured with two cores, in milliseconds for the decoders of an ensemble:

    =======  =================  =====  ========================
    neurons  evaluation points  as is  a single thread of SciPy
    =======  =================  =====  ========================
    128      750                8.0    0.7
    512      1250               48     13
    1024     2500               126    61
    4096     8192               1909   1949
    =======  =================  =====  ========================

    Products of small ensembles are no faster with several threads, which wait for
    each other a hundred times in one of them, and the longer the busier a machine is.
    So NumPy is limited, too, unless there is a large ensemble: a network of 520
    ensembles of 256 neurons then takes 4.4 seconds of all processors instead of 6.5
    on an idle machine, and 4.4 instead of 13 if another program uses one of two cores.

    Parameters
    ----------
    network : nengo.Network
        The network that is built meanwhile.
    """
    sizes = _decoded_sizes(network)
    with ExitStack() as limits:
        if sum(sizes) >= _MANY:
            limits.enter_context(_scipy)
            if max(sizes) <= _LARGE:
                limits.enter_context(_numpy)
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Restrict linear algebra to a single thread, where many networks are built.

    Threads that wait for each other in each of them would cost more than finding the
    pools, and what they compute depends, in its last bits, on how many there are.
    """
    with _scipy, _numpy:
        yield


def _decoded_sizes(network: Network) -> list[int]:
    """Return the numbers of neurons of all ensembles that are solved for."""
    solved = [
        connection.pre_obj
        for connection in network.all_connections
        if not isinstance(connection.solver, NoSolver)
    ]
    solved += [
        probe.obj
        for probe in network.all_probes
        if probe.attr == "decoded_output" and not isinstance(probe.solver, NoSolver)
    ]
    return [
        ensemble.n_neurons
        for ensemble in set(solved)
        if isinstance(ensemble, Ensemble)
        and not isinstance(ensemble.neuron_type, Direct)
    ]


def _limit(package: str) -> Any:
    """Set the limit for a package, and return what takes it back."""
    paths = [pool["filepath"] for pool in _pools().info()]
    of_package = [path for path in paths if _is_part_of(package, Path(path))]
    return _pools().select(filepath=of_package).limit(limits=1)


@cache
def _pools() -> Any:
    """Find all thread pools; those of NumPy and SciPy are never unloaded."""
    from threadpoolctl import ThreadpoolController  # sets environment variables

    with suppress(ImportError):
        import scipy.linalg  # noqa: F401 - what is not loaded yet cannot be limited
    return ThreadpoolController()


def _is_part_of(package: str, library: Path) -> bool:
    """Whether a library lies in a package's folders, or in the one beside them."""
    return any(part in (package, f"{package}.libs") for part in library.parts[:-1])
