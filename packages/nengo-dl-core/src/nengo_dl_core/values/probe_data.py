"""Storage of what probes record."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from nengo import Probe

from nengo_dl_core.program.program import Program


class ProbeData:
    """The values that a probe has recorded.

    Parameters
    ----------
    probe : nengo.Probe
        The probe.
    dt : float
        Length of a step, in seconds.
    item_shape : tuple of int
        Shape of the values of one step, ``(minibatch_size, ...)``.
    dtype : str
        Type of the values.
    keep_history : bool
        Whether the values of all steps are kept, or of the last one only.
    """

    def __init__(
        self,
        probe: Probe,
        dt: float,
        item_shape: tuple[int, ...],
        dtype: str,
        keep_history: bool,
    ) -> None:
        self.period = 1.0 if probe.sample_every is None else probe.sample_every / dt
        self.item_shape = item_shape
        self.dtype = np.dtype(dtype)
        self.keep_history = keep_history
        self.clear()

    @classmethod
    def of(cls, program: Program, probe: Probe) -> ProbeData:
        """Make the storage that a probe has in a simulation.

        Parameters
        ----------
        program : Program
            What is simulated.
        probe : nengo.Probe
            One of its probes.
        """
        signal = program.memory.tensor_signal(program.model.sig[probe]["in"])
        return cls(
            probe,
            program.dt,
            (program.minibatch_size, *signal.shape),
            signal.dtype,
            program.keeps_history(probe),
        )

    def clear(self) -> None:
        """Forget all values."""
        self._buffer = np.empty((0, *self.item_shape), self.dtype)
        self._used = 0

    @property
    def values(self) -> npt.NDArray[Any]:
        """What has been recorded, ``(n_samples, minibatch_size, ...)``."""
        return self._buffer[: self._used]

    def mark(self) -> Any:
        """Return what `rollback` needs to forget all that is appended from now on."""
        return self._buffer, self._used

    def rollback(self, mark: Any) -> None:
        """Forget what has been appended since.

        Parameters
        ----------
        mark : object
            What `mark` returned.
        """
        self._buffer, self._used = mark

    @property
    def thinned(self) -> bool:
        """Whether there are steps whose values are not kept."""
        return self.period > 1 or not self.keep_history

    def sampled(self, steps: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Find the steps that the probe records.

        Parameters
        ----------
        steps : ndarray
            Numbers of steps.

        Returns
        -------
        sampled : ndarray of bool
            The same rule as the reference simulator's.
        """
        return np.asarray(steps % self.period < 1)

    def recorded(self, steps: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Find the steps that are left in the end: of those sampled all, or the last.

        Parameters
        ----------
        steps : ndarray
            Numbers of steps.

        Returns
        -------
        recorded : ndarray of bool
            True for each step whose values are kept.
        """
        sampled = self.sampled(steps)
        if not self.keep_history:
            sampled[np.flatnonzero(sampled)[:-1]] = False
        return sampled

    def length(self, n_steps: int) -> int:
        """Count the rows that a buffer for this number of steps needs.

        Parameters
        ----------
        n_steps : int
            Number of steps.

        Returns
        -------
        length : int
            One row for each step that may be recorded, and one for those that are not.
        """
        if not self.thinned:
            return n_steps
        return (int(n_steps / self.period) + 1 if self.keep_history else 1) + 1

    def n_samples(self, steps: range) -> int:
        """Count the values that a buffer holds after some steps.

        Parameters
        ----------
        steps : range
            Numbers of the steps.

        Returns
        -------
        n_samples : int
            The number of values at the beginning of the buffer.
        """
        if not self.thinned:
            return len(steps)
        sampled = int(self.sampled(np.asarray(steps)).sum())
        return sampled if self.keep_history else min(sampled, 1)

    def rows(self, steps: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int64]:
        """Find the rows of a buffer to which steps write.

        Parameters
        ----------
        steps : ndarray
            Numbers of steps.
        length : int
            Number of rows of the buffer; what is not recorded goes to the last.

        Returns
        -------
        rows : ndarray
            A row for each step.
        """
        sampled = self.sampled(steps)
        kept = np.cumsum(sampled) - 1 if self.keep_history else 0
        return np.where(sampled, kept, length - 1)

    def reserve(self, n_samples: int) -> None:
        """Make room, so that a long run does not copy what it has recorded.

        Parameters
        ----------
        n_samples : int
            How many more values are going to be recorded.
        """
        needed = self._used + n_samples
        if self.keep_history and needed > len(self._buffer):
            grown = max(needed, len(self._buffer) * 3 // 2)
            buffer = np.empty((grown, *self.item_shape), self.dtype)
            buffer[: self._used] = self.values
            self._buffer = buffer

    def append(self, values: npt.NDArray[Any]) -> None:
        """Add recorded values.

        Parameters
        ----------
        values : ndarray
            Values of consecutive samples, ``(n_samples, minibatch_size, ...)``.
        """
        if not len(values):
            return
        if not self.keep_history:
            self._buffer, self._used = np.array(values[-1:]), 1
            return
        self.reserve(len(values))
        self._buffer[self._used : self._used + len(values)] = values
        self._used += len(values)
