"""Keeps the thread pools of NumPy and SciPy from slowing each other down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any


class _SharedLimit:
    """A limit of the process, which holds while at least one thread needs it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._n_users = 0
        self._limiter: Any = None

    def acquire(self) -> None:
        with self._lock:
            if self._n_users == 0:
                self._limiter = _limit_scipy()
            self._n_users += 1

    def release(self) -> None:
        with self._lock:
            self._n_users -= 1
            if self._n_users == 0:
                self._limiter.restore_original_limits()


_shared_limit = _SharedLimit()


@contextmanager
def single_threaded_scipy() -> Iterator[None]:
    """Restrict SciPy's linear algebra to a single thread, if SciPy is installed.

    It is a limit of the whole process. If several threads ask for it at the same time,
    it ends with the last of them.

    NumPy and SciPy each bring an OpenBLAS of their own, whose threads keep the
    processors busy while they wait for work. Nengo's solvers use the one, then the
    other. Measured with two cores, in milliseconds for the decoders of an ensemble:

    =======  =================  =====  ===============
    neurons  evaluation points  as is  a single thread
    =======  =================  =====  ===============
    128      750                8.0    0.7
    512      1250               48     13
    1024     2500               126    61
    4096     8192               1909   1949
    =======  =================  =====  ===============
    """
    _shared_limit.acquire()
    try:
        yield
    finally:
        _shared_limit.release()


def _limit_scipy() -> Any:
    """Set the limit, and return what takes it back."""
    from threadpoolctl import ThreadpoolController  # sets environment variables

    with suppress(ImportError):
        import scipy.linalg  # noqa: F401 - what is not loaded yet cannot be limited
    controller = ThreadpoolController()
    paths = [library["filepath"] for library in controller.info()]
    of_scipy = [path for path in paths if _is_part_of_scipy(Path(path))]
    return controller.select(filepath=of_scipy).limit(limits=1)


def _is_part_of_scipy(library: Path) -> bool:
    """Whether a library lies in SciPy's folders, or in the one beside them."""
    return any(part in ("scipy", "scipy.libs") for part in library.parts[:-1])
