"""Operators that simplifications introduce, beside Nengo's own.

Each is the counterpart of one of Nengo's operators with "set" and "increment"
exchanged, and runs in `nengo.Simulator` like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from nengo.builder.operator import DotInc, ElementwiseInc, Operator, Reset, SparseDotInc
from nengo.builder.signal import Signal, SignalDict
from nengo.builder.transforms import ConvInc, ConvTransposeInc

Step = Callable[[], None]


class ResetInc(Reset):
    """A version of `~nengo.builder.operator.Reset` that increments its target.

    Implements ``dst[...] += value``.

    Parameters
    ----------
    dst : Signal
        The signal to increment.
    value : float
        What to add to each element of ``dst``.
    tag : str, optional
        A label for debugging.

    Notes
    -----
    1. sets ``[]``
    2. incs ``[dst]``
    3. reads ``[]``
    4. updates ``[]``
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.incs: list[Signal] = self.sets
        self.sets: list[Signal] = []

    @property
    def dst(self) -> Signal:
        """The incremented signal, stored in ``incs`` rather than ``sets``."""
        return self.incs[0]

    def make_step(
        self, signals: SignalDict, dt: float, rng: np.random.RandomState
    ) -> Step:
        """Return the function that adds the value to the target."""
        target = signals[self.dst]
        value = self.value

        def step_resetinc() -> None:
            target[...] += value

        return step_resetinc


class _SetsY(Operator):
    """Turns an operator that increments ``Y`` into one that sets it.

    The step clears ``Y`` and lets the increment fill it, so that the numbers are the
    increment's own. (Adding to zero changes no value but the sign of a zero.)
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sets: list[Signal] = self.incs
        self.incs: list[Signal] = []

    @property
    def Y(self) -> Signal:
        """The overwritten signal, stored in ``sets`` rather than ``incs``."""
        return self.sets[0]

    def make_step(
        self, signals: SignalDict, dt: float, rng: np.random.RandomState
    ) -> Step:
        """Return the function that overwrites ``Y``."""
        increment: Step = super().make_step(signals, dt, rng)
        target = signals[self.Y]

        def step_set() -> None:
            target[...] = 0
            increment()

        return step_set


class ElementwiseSet(_SetsY, ElementwiseInc):
    """A version of `~nengo.builder.operator.ElementwiseInc` that overwrites ``Y``.

    Implements ``Y[...] = A * X``.

    Notes
    -----
    1. sets ``[Y]``
    2. incs ``[]``
    3. reads ``[A, X]``
    4. updates ``[]``
    """


class DotSet(_SetsY, DotInc):
    """A version of `~nengo.builder.operator.DotInc` that overwrites ``Y``.

    Implements ``Y[...] = np.dot(A, X)``.

    Notes
    -----
    1. sets ``[Y]``
    2. incs ``[]``
    3. reads ``[A, X]``
    4. updates ``[]``
    """


class SparseDotSet(_SetsY, SparseDotInc):
    """A version of `~nengo.builder.operator.SparseDotInc` that overwrites ``Y``.

    Notes
    -----
    1. sets ``[Y]``
    2. incs ``[]``
    3. reads ``[A, X]``
    4. updates ``[]``
    """


class ConvSet(_SetsY, ConvInc):
    """A version of `~nengo.builder.transforms.ConvInc` that overwrites ``Y``.

    Notes
    -----
    1. sets ``[Y]``
    2. incs ``[]``
    3. reads ``[W, X]``
    4. updates ``[]``
    """


class ConvTransposeSet(_SetsY, ConvTransposeInc):
    """A version of `~nengo.builder.transforms.ConvTransposeInc` that overwrites ``Y``.

    Notes
    -----
    1. sets ``[Y]``
    2. incs ``[]``
    3. reads ``[W, X]``
    4. updates ``[]``
    """
