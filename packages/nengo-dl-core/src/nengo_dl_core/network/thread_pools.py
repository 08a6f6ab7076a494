"""Thread pools of linear algebra that stand in each other's way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def single_threaded_scipy() -> Iterator[None]:
    """Let SciPy's linear algebra have a single thread, if SciPy is installed.

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
    from threadpoolctl import ThreadpoolController  # sets environment variables

    with suppress(ImportError):
        import scipy.linalg  # noqa: F401 - what is not loaded yet cannot be limited
    controller = ThreadpoolController()
    paths = [library["filepath"] for library in controller.info()]
    of_scipy = [path for path in paths if _is_part_of_scipy(Path(path))]
    with controller.select(filepath=of_scipy).limit(limits=1):
        yield


def _is_part_of_scipy(library: Path) -> bool:
    """Whether a library lies in SciPy's folders, or in the one beside them."""
    return any(part in ("scipy", "scipy.libs") for part in library.parts[:-1])
