"""Comparisons and plans of a network that Python holds, in the running process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nengo

# An environment of an earlier release builds networks too, but lacks what tables need.
if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

    from nengo_dl_benchmarks.comparison import Measurement
    from nengo_dl_benchmarks.planning import Plans


@dataclass(frozen=True)
class Comparison:
    """What simulators took for a network; printed, it is a table.

    Parameters
    ----------
    measurements : sequence of Measurement
        One for each simulator: ``backend`` (its name), ``build``, ``first``, ``warm``
        and ``typical`` (seconds; the last is the median of the warm runs), ``error``.
    """

    measurements: Sequence[Measurement]

    def table(self) -> Table:
        """Return a row for each simulator, as ``nengo-dl-benchmarks compare`` does."""
        from nengo_dl_benchmarks.report import table

        return table(self.measurements)

    def plot(self) -> Figure:
        """Draw how many times as long as the first simulator the others take."""
        from nengo_dl_benchmarks.report import plot
        from nengo_dl_benchmarks.results import Results

        results = Results()
        results.put(self.measurements)
        return plot(results)

    def __str__(self) -> str:
        from nengo_dl_benchmarks.report import as_text, title

        failed = [f"{m.backend}: {m.error}" for m in self.measurements if m.error]
        what = title(self.measurements[0].case)
        return "\n".join([what, as_text(self.table()), *failed])


def compare(
    net: nengo.Network,
    backends: Sequence[str] = ("dl", "reference"),
    *,
    mode: str = "run",
    batch_size: int = 1,
    n_steps: int = 1000,
    reps: int = 5,
) -> Comparison:
    """Time simulators on a network, run by run in turn.

    All run in this process, so that memory is not told; for that, and for simulators of
    other environments, see ``nengo-dl-benchmarks compare --network``.

    Parameters
    ----------
    net : nengo.Network
        The network.
    backends : sequence of str
        Simulators, by their names in the group ``nengo.backends``; the others are
        compared with the first.
    mode : str
        ``"run"``, ``"predict"``, ``"fit"`` (an epoch of four minibatches), ``"train"``
        (one minibatch, towards zero, by a tiny learning rate), ``"step"``
        (one call of ``Simulator.step``) or ``"build"``.
    batch_size : int
        Number of inputs. A simulator without minibatches runs them one by one.
    n_steps : int
        Number of steps of each run.
    reps : int
        Number of warm runs of each simulator.

    Returns
    -------
    comparison : Comparison
        What they took. Where a simulator fails, its measurement says why.

    Raises
    ------
    TypeError
        If ``net`` is no network.
    LookupError
        If a simulator is not installed.
    ValueError
        If there is no such mode, a number is below one, or simulators are none or
        repeated.

    Examples
    --------
    >>> with nengo.Network() as net:
    ...     probe = nengo.Probe(nengo.Ensemble(10, 1))
    >>> comparison = compare(net, ["reference"], n_steps=10, reps=2)
    >>> [len(found.warm) for found in comparison.measurements]
    [2]
    """
    from nengo_dl_benchmarks.comparison import MODES, Case, Measurement
    from nengo_dl_benchmarks.worker import Trial, find_backend

    _check(net)
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}; there are {', '.join(MODES)}")
    for name, value in {
        "batch_size": batch_size,
        "n_steps": n_steps,
        "reps": reps,
    }.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
    if isinstance(backends, str) or not backends or len({*backends}) < len(backends):
        raise ValueError(f"give a list of different simulators, not {backends!r}")
    case = Case(net.label or "network", {}, mode, batch_size, n_steps)
    simulators = [find_backend(backend).load() for backend in backends]
    jobs = [{**vars(case), "backend": backend} for backend in backends]
    trials = [Trial(job, net, sim) for job, sim in zip(jobs, simulators, strict=True)]
    stages = [trial.stages() for trial in trials]
    seconds: list[list[float]] = [[] for _ in trials]
    rest: list[dict[str, Any]] = [{} for _ in trials]

    def go_on(number: int) -> None:
        try:
            if not rest[number]:
                seconds[number].append(next(stages[number]))
        except Exception as error:
            rest[number] = {"error": f"{type(error).__name__}: {error}"}

    numbers = range(len(trials))
    try:
        with _decoders_solved():
            for number in numbers:
                go_on(number)
                go_on(number)
            for _ in range(reps):
                for number in numbers:
                    go_on(number)
        for number, trial in enumerate(trials):
            # What memory this process has held says nothing of one simulator.
            known = rest[number] or {**trial.summary(), "idle": None, "peak": None}
            rest[number] = known
    finally:
        for trial in trials:
            if trial.sim is not None:
                trial.sim.close()
    return Comparison(
        [
            Measurement(
                case,
                backend,
                build=taken[0] if taken else None,
                first=taken[1] if len(taken) > 1 else None,
                warm=taken[2:],
                **known,
            )
            for backend, taken, known in zip(backends, seconds, rest, strict=True)
        ]
    )


def plan(net: nengo.Network, planners: Sequence[str] | None = None) -> Plans:
    """Show what the optimizer makes of a network.

    Parameters
    ----------
    net : nengo.Network
        The network; it is not changed.
    planners : sequence of str, optional
        Names of planners to try, for example ``"tree_planner"``; all by default.

    Returns
    -------
    plans : Plans
        What simplifications, planners and sorters do. Printed, it is two tables;
        ``plot()`` draws what groups do to blocks, as planned and sorted last.

    Raises
    ------
    TypeError
        If ``net`` is no network.
    ValueError
        If there is no planner of a given name, or none is given.
    """
    from nengo_dl_benchmarks.planning import PLANNERS, try_plans

    _check(net)
    names = list(PLANNERS) if planners is None else planners
    if not names or (unknown := [name for name in names if name not in PLANNERS]):
        given = unknown if names else names
        raise ValueError(f"no planner {given!r}; there are {', '.join(PLANNERS)}")
    return try_plans(net, names)


def _check(net: object) -> None:
    if not isinstance(net, nengo.Network):
        raise TypeError(f"a nengo.Network is needed, not {net!r}")


@contextmanager
def _decoders_solved() -> Iterator[None]:
    """Let each simulator solve for its decoders, and not find another's."""
    before = nengo.rc.get("decoder_cache", "enabled")
    nengo.rc.set("decoder_cache", "enabled", "False")
    try:
        yield
    finally:
        nengo.rc.set("decoder_cache", "enabled", before)
