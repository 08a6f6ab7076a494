"""Time several simulators on one network, in one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import nengo


@dataclass(frozen=True)
class Timing:
    """What one simulator took, in seconds.

    Parameters
    ----------
    build : float
        Making the simulator.
    first : float
        The first run, in which a simulator may compile.
    warm : tuple of float
        The runs after it.
    """

    build: float
    first: float
    warm: tuple[float, ...]

    @property
    def typical(self) -> float:
        """Median of the warm runs."""
        return median(self.warm)


def time_simulators(
    network: nengo.Network,
    simulators: Mapping[str, Callable[..., Any]],
    n_steps: int = 1000,
    repetitions: int = 3,
    report: Callable[[str], None] = lambda _: None,
) -> dict[str, Timing]:
    """Time simulators on a network, in turn.

    Each repetition runs every simulator once, so that a machine that is busy for a
    while slows all of them down. Every run starts from the network's beginning.

    Parameters
    ----------
    network : nengo.Network
        What to simulate.
    simulators : dict of str to callable
        For each name a function that takes a network and returns a simulator.
    n_steps : int
        Number of steps of each run.
    repetitions : int
        Number of warm runs of each simulator.
    report : callable
        Is told what is done next.

    Returns
    -------
    timings : dict of str to Timing
        What each simulator took.
    """
    open_simulators: dict[str, Any] = {}
    build: dict[str, float] = {}
    first: dict[str, float] = {}
    warm: dict[str, list[float]] = {name: [] for name in simulators}
    try:
        for name, simulator in simulators.items():
            report(f"{name}: build")
            start = perf_counter()
            open_simulators[name] = simulator(network)
            build[name] = perf_counter() - start
            report(f"{name}: first run")
            first[name] = _run(open_simulators[name], n_steps)
        for repetition in range(1, repetitions + 1):
            for name, sim in open_simulators.items():
                report(f"{name}: run {repetition} of {repetitions}")
                sim.reset()
                warm[name].append(_run(sim, n_steps))
    finally:
        for sim in open_simulators.values():
            sim.close()
    return {
        name: Timing(build[name], first[name], tuple(warm[name])) for name in simulators
    }


def _run(sim: Any, n_steps: int) -> float:
    start = perf_counter()
    sim.run_steps(n_steps)
    return perf_counter() - start
