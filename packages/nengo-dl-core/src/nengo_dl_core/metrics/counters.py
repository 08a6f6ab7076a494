"""Counters of what is in the values of consecutive steps, which are not kept."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Counter(Protocol):
    """Counts something in values that arrive some steps at a time."""

    def begin(self) -> None:
        """Begin the first step of other samples."""

    def count(self, values: Array) -> None:
        """Count values.

        Parameters
        ----------
        values : ndarray
            Those of the next steps, ``(n_steps, n_samples, size)``.
        """


class Activity:
    """Counts how often each element is not zero.

    Parameters
    ----------
    size : int
        Number of elements.

    Attributes
    ----------
    active : (size,) ndarray of int
        How often each element was not zero.
    """

    def __init__(self, size: int) -> None:
        self.active = np.zeros(size, np.int64)
        self._smallest, self._largest = np.inf, 0.0

    def begin(self) -> None:
        """There is nothing to begin; see `Counter.begin`."""

    def count(self, values: Array) -> None:
        """Count values that are not zero; see `Counter.count`."""
        active = values != 0
        self.active += np.count_nonzero(active, axis=(0, 1))
        if self.has_one_magnitude and active.any():
            magnitudes = np.abs(values[active])
            self._smallest = min(self._smallest, magnitudes.min())
            self._largest = max(self._largest, magnitudes.max())

    @property
    def has_one_magnitude(self) -> bool:
        """Whether all values that are not zero have the same magnitude, as spikes."""
        return self._smallest >= self._largest


class Changes:
    """Counts how often an element is not what it was the step before.

    The first step of a sample has none before, and counts.

    Attributes
    ----------
    changes : int
        The number of changes.
    """

    def __init__(self) -> None:
        self.changes = 0
        self._last: Array | None = None

    def begin(self) -> None:
        """Begin with values that there are none before; see `Counter.begin`."""
        self._last = None

    def count(self, values: Array) -> None:
        """Count changes; see `Counter.count`."""
        if self._last is None:
            self.changes += values[0].size
        else:
            self.changes += int(np.count_nonzero(values[0] != self._last))
        self.changes += int(np.count_nonzero(values[1:] != values[:-1]))
        self._last = np.array(values[-1])
