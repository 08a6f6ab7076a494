"""Measure one simulator on one network, in a process of its own.

Run as a script, by any interpreter that has Nengo and the simulator, or one of the
frameworks of ``peers``: it needs neither this package to be installed nor anything
else. The job is the argument, as JSON. A line on the standard output tells that all is
imported. Then each line on the standard input asks for the next stage, whose result is
a line of JSON: the build, the first run, and any number of warm runs, before which
everything is compiled that can be. When the input ends, the last line tells the rest:
memory, stages of the build, a lower bound and versions.
"""

from __future__ import annotations

import inspect
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module, metadata, util
from math import inf
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

N_CALLS = 100  # of step, for which one call is too short to be measured
N_MINIBATCHES = 4  # of fit


def main(job: dict[str, Any]) -> None:
    """Serve the stages of a job.

    Parameters
    ----------
    job : dict
        ``backend``: name in the group ``nengo.backends``, or of a framework;
        ``benchmark`` and ``size``: network and its arguments; ``mode``, ``batch_size``
        and ``n_steps``.
    """
    # What else is printed in this process must not come between the results.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**values: Any) -> None:
        print(json.dumps(values), file=answers, flush=True)

    try:
        trial = _trial(job)
        stages = trial.stages()
        answer(ready=True)
        for _ in sys.stdin:
            answer(seconds=next(stages))
        answer(**trial.summary())
    except Exception as error:
        answer(error=f"{type(error).__name__}: {error}")


def _trial(job: dict[str, Any]) -> Trial | PeerTrial:
    """Import what a job needs."""
    folder = Path(__file__).parent
    # Modules beside this file are not to be taken for others of their names
    sys.path[:] = [path for path in sys.path if Path(path) != folder.resolve()]
    peers = _import_folder(folder / "peers")
    if job["backend"] in peers.MODULES:
        return PeerTrial(peers.prepare(job))
    import nengo

    # What one process has solved would spare another one the work
    nengo.rc.set("decoder_cache", "enabled", "False")
    return Trial(job, *_load(job))


class PeerTrial:
    """A framework that is no Nengo simulator on a network.

    Parameters
    ----------
    prepared : Prepared
        Imported framework and inputs (`nengo_dl_benchmarks.peers.prepare`).
    """

    def __init__(self, prepared: Any) -> None:
        self.prepared = prepared
        self.idle = _peak_memory()

    def stages(self) -> Iterator[float]:
        """Build the network, then run it; give the seconds that each took."""
        start = perf_counter()
        work = self.prepared.build()
        while True:
            yield perf_counter() - start
            start = perf_counter()
            work()

    def summary(self) -> dict[str, Any]:
        """Tell what else there is to know when the stages are done."""
        versions = _versions(self.prepared.distributions)
        return {"idle": self.idle, "peak": _peak_memory(), "versions": versions}


class Trial:
    """A simulator on a network.

    Parameters
    ----------
    job : dict
        As for `main`; what names the network is not used.
    network : nengo.Network
        The network.
    simulator : callable
        Makes the simulator.
    """

    def __init__(self, job: dict[str, Any], network: Any, simulator: Any) -> None:
        self.job = job
        self.network, self.simulator = network, simulator
        self.idle = _peak_memory()
        self.sim: Any = None

    def stages(self) -> Iterator[float]:
        """Do the stages of the job one by one; give the seconds that each took."""
        mode, batch_size = self.job["mode"], self.job["batch_size"]
        parameters = inspect.signature(self.simulator).parameters
        at_once = batch_size if "minibatch_size" in parameters else 1
        options = {"minibatch_size": at_once} if at_once > 1 else {}
        repeats = batch_size // at_once

        def make() -> Any:
            return self.simulator(self.network, progress_bar=False, **options)

        start = perf_counter()
        self.sim = sim = make()
        yield perf_counter() - start
        if mode == "build":
            work: Callable[[], object] = lambda: make().close()  # noqa: E731
            parts = 1
        else:
            work, parts = MODES[mode](sim, self.network, at_once, self.job["n_steps"])

        def run() -> float:
            seconds = 0.0
            for _ in range(repeats):
                sim.reset()
                start = perf_counter()
                work()
                seconds += perf_counter() - start
            return seconds / parts

        yield run()
        if mode in ("run", "step"):
            _compile(sim)
        while True:
            yield run()

    def summary(self) -> dict[str, Any]:
        """Tell what else there is to know when the stages are done."""
        peak, stages, bound = _peak_memory(), {}, None
        if hasattr(self.sim, "diagnose"):
            stages = self.sim.diagnose().seconds
        if self.job["mode"] in ("run", "predict") and self.sim is not None:
            from nengo_dl_benchmarks.bound import lower_bound

            size = self.job["batch_size"], self.job["n_steps"]
            bound = lower_bound(self.sim.model.operators, *size)
        distribution = find_backend(self.job["backend"]).dist.name
        names = {"nengo", "numpy", "tensorflow", "keras", distribution}
        return {
            "idle": self.idle,
            "peak": peak,
            "stages": stages,
            "bound": bound,
            "versions": _versions(names),
        }


def _compile(sim: Any) -> None:
    """Ask for as many steps as a simulator does before it compiles, if it says so."""
    if hasattr(sim, "diagnose"):
        first = getattr(sim.diagnose(), "steps_in_numpy", 0)
        if 0 < first < inf:
            sim.run_steps(int(first) + 1)


# A mode prepares a simulator, and returns what is timed and how often it is in there.
Work = tuple[Callable[[], object], int]


def _run(sim: Any, network: Any, batch_size: int, n_steps: int) -> Work:
    return lambda: sim.run_steps(n_steps), 1


def _step(sim: Any, network: Any, batch_size: int, n_steps: int) -> Work:
    def work() -> None:
        for _ in range(N_CALLS):
            sim.step()

    return work, N_CALLS


def _predict(sim: Any, network: Any, batch_size: int, n_steps: int) -> Work:
    from nengo_dl_benchmarks.random_data import random_inputs

    if not hasattr(sim, "predict"):
        return _run(sim, network, batch_size, n_steps)
    inputs = random_inputs(network, batch_size, n_steps)
    return lambda: sim.predict(inputs, n_steps=n_steps), 1


def _fit(sim: Any, network: Any, batch_size: int, n_steps: int) -> Work:
    from nengo_dl_benchmarks.random_data import random_inputs, random_targets

    _check_fit(sim)
    inputs = random_inputs(network, N_MINIBATCHES * batch_size, n_steps)
    targets = random_targets(network, N_MINIBATCHES * batch_size, n_steps)
    sim.compile(optimizer="sgd", loss="mse")
    return lambda: sim.fit(inputs, targets, n_steps=n_steps, epochs=1, verbose=0), 1


def _check_fit(sim: Any) -> None:
    if not hasattr(sim, "fit"):
        raise NotImplementedError(f"{type(sim).__name__} has no fit")


def _train(sim: Any, network: Any, batch_size: int, n_steps: int) -> Work:
    import keras
    import numpy as np

    from nengo_dl_benchmarks.random_data import random_inputs

    _check_fit(sim)
    inputs = random_inputs(network, batch_size, n_steps)
    inputs = {node: values.astype(np.float32) for node, values in inputs.items()}
    targets = {
        probe: np.zeros((batch_size, n_steps, probe.size_in), np.float32)
        for probe in network.all_probes
    }
    # What is learned must not change what the next run computes
    sim.compile(keras.optimizers.SGD(1e-9), "mse")
    return lambda: sim.fit(inputs, targets, n_steps=n_steps, verbose=0), 1


MODES: dict[str, Callable[[Any, Any, int, int], Work]] = {
    "run": _run,
    "step": _step,
    "predict": _predict,
    "fit": _fit,
    "train": _train,
}


def _import_folder(folder: Path) -> ModuleType:
    """Import a package from where it lies, with nothing above it."""
    spec = util.spec_from_file_location(
        folder.name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = util.module_from_spec(spec)
    sys.modules[folder.name] = package
    spec.loader.exec_module(package)
    return package


def _load(job: dict[str, Any]) -> tuple[Any, Any]:
    """Find the network, from the package around this file, and the simulator."""
    package = _import_folder(Path(__file__).parent)
    entry_point = find_backend(job["backend"])
    simulator = entry_point.load()
    if entry_point.module == "nengo_dl" and util.find_spec("nengo_dl_core") is None:
        # An earlier release: its one package has what some networks take from core.
        sys.modules["nengo_dl_core"] = sys.modules["nengo_dl"]
    suite = import_module(f"{package.__name__}.suite")
    network = suite.find(job["benchmark"]).at(**job["size"]).build()
    return network, simulator


def find_backend(name: str) -> Any:
    """Find a simulator.

    Parameters
    ----------
    name : str
        Its name in the group ``nengo.backends``.

    Returns
    -------
    point : importlib.metadata.EntryPoint
        What loads it.

    Raises
    ------
    LookupError
        If there is none of that name.
    """
    points = metadata.entry_points(group="nengo.backends")
    found = {point.name: point for point in points}
    if name not in found:
        raise LookupError(
            f"no simulator {name!r} in {sys.executable}; there are {', '.join(found)}"
        )
    return found[name]


def _peak_memory() -> int | None:
    """Return the most memory that this process has held, in bytes."""
    try:
        # What getrusage says on Linux may be the parent's.
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else 1024 * peak


def _versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of what takes part, by name of the distribution."""
    versions = {"python": platform.python_version()}
    for name in sorted(names):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
