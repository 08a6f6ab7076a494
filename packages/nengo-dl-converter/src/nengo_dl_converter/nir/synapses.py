"""Delays on connections.

Nengo computes a synapse at the end of a step, so that all that comes through one is
delayed by a step at least.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from nengo.exceptions import SimulationError
from nengo.params import NdarrayParam, NumberParam
from nengo.synapses import LinearFilter, Synapse

Array = npt.NDArray[np.float64]


def one_step() -> LinearFilter:
    """Make a synapse that hands on the value of the step before, 0 at first."""
    return LinearFilter([1], [1], analog=False)


class StepDelay(Synapse):
    """Hand on the value of some steps before, 0 at first.

    The values of the last steps lie in a ring, one for each element. In step ``t`` an
    element that is delayed by ``n`` steps is written at place ``t % n`` and the place
    after it read, where the value of ``n - 1`` steps before lies; the synapse itself
    delays by one more.

    Parameters
    ----------
    dt : float
        Length of a step in seconds, the one that the graph was imported for.
    steps : (size,) array_like of int
        By how many steps each element is delayed, 1 or more.
    """

    dt = NumberParam("dt", low=0, low_open=True)
    steps = NdarrayParam("steps", shape=("*",), dtype=np.int64)

    def __init__(self, dt: float, steps: Any) -> None:
        super().__init__(default_size_in=len(steps), default_dt=dt)
        self.dt = dt
        self.steps = steps

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """Where the ring of each element begins."""
        return np.cumsum(self.steps) - self.steps

    def make_state(
        self,
        shape_in: tuple[int, ...],
        shape_out: tuple[int, ...],
        dt: float,
        dtype: Any = None,
        y0: Any = None,
    ) -> dict[str, Array]:
        """Make the rings, all zero."""
        if dt != self.dt:
            raise SimulationError(
                f"delays were imported from NIR for steps of {self.dt} s, and are "
                f"simulated with steps of {dt} s: give the simulator dt={self.dt}"
            )
        return {"past": np.zeros(int(self.steps.sum()), dtype or np.float64)}

    def make_step(
        self,
        shape_in: tuple[int, ...],
        shape_out: tuple[int, ...],
        dt: float,
        rng: Any,
        state: dict[str, Array],
    ) -> Callable[[float, Array], Array]:
        """Make the function that computes a step."""
        past, steps, starts = state["past"], self.steps, self.starts

        def step(t: float, x: Array) -> Array:
            number = round(t / dt)
            past[starts + number % steps] = x
            return past[starts + (number + 1) % steps]

        return step
