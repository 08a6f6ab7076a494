"""Other frameworks, each of which builds some of the benchmark networks its own way.

`nengo_dl_benchmarks.worker` runs these modules in the framework's own environment,
which need not have Nengo nor this package: they import the framework, NumPy and each
other. A framework's module says what it has: its ``NAME``, the ``DISTRIBUTIONS`` whose
versions count, and ``NETWORKS``, functions by the names of benchmark networks. Such a
function takes a `Job` and returns what builds the network; that returns `Work`.
Settings are those of the framework's documentation where a network leaves them open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

# By the name of a backend: the module, and what the backend chooses in it.
MODULES = {
    "spyx": ("spyx", ""),
    "spikingjelly": ("spikingjelly", ""),
    "snntorch": ("snntorch", ""),
    "norse": ("norse", ""),
    "keras_lmu_fft": ("keras_lmu", "fft"),
    "keras_lmu_cell": ("keras_lmu", "cell"),
}
NEEDED = {
    "spiking_layer": "spiking neurons",
    "spiking_convolution": "spiking neurons",
    "legendre_memory": "Legendre memory unit",
}


@dataclass(frozen=True)
class Job:
    """A network, and what it is given.

    Parameters
    ----------
    size : dict
        Arguments of the benchmark network.
    batch_size, n_steps : int
        Number of inputs, and of steps of each.
    way : str
        What the backend chooses.
    """

    size: dict[str, Any]
    batch_size: int
    n_steps: int
    way: str


@dataclass(frozen=True)
class Work:
    """What is timed; each function returns when all has been computed.

    Parameters
    ----------
    forward : callable
        Computes the outputs of all steps.
    train : callable
        Computes them, and the gradients of their mean square by all weights.
    """

    forward: Callable[[], object]
    train: Callable[[], object]


@dataclass(frozen=True)
class Prepared:
    """A framework that is imported, with inputs.

    Parameters
    ----------
    build : callable
        Builds the network; returns what is timed.
    distributions : tuple of str
        Whose versions count.
    """

    build: Callable[[], Callable[[], object]]
    distributions: tuple[str, ...]


def prepare(job: dict[str, Any]) -> Prepared:
    """Import a framework, and make inputs.

    Parameters
    ----------
    job : dict
        As for `nengo_dl_benchmarks.worker.main`.

    Returns
    -------
    prepared : Prepared
        What builds the network.

    Raises
    ------
    NotImplementedError
        If the framework has not what the network is made of, or the mode is another
        one than ``"predict"`` and ``"train"``.
    """
    name, way = MODULES[job["backend"]]
    module = import_module(f"{__name__}.{name}")
    mode, benchmark = job["mode"], job["benchmark"]
    if mode not in ("predict", "train"):
        raise NotImplementedError(
            f"{module.NAME} is measured in the modes predict and train, not {mode}"
        )
    if benchmark not in module.NETWORKS:
        needed = NEEDED.get(benchmark, f"network {benchmark}")
        raise NotImplementedError(f"{module.NAME} has no {needed}")
    build = module.NETWORKS[benchmark](
        Job(job["size"], job["batch_size"], job["n_steps"], way)
    )

    def chosen() -> Callable[[], object]:
        work: Work = build()
        return work.forward if mode == "predict" else work.train

    return Prepared(chosen, module.DISTRIBUTIONS)
