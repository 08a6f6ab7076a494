"""Reads and changes the present values of signals, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from nengo.builder.signal import Signal

from nengo_dl_core.values.session import Session
from nengo_dl_optimizer import Block, sparse_entries

Array = npt.NDArray[Any]


class SignalValues(Mapping[Signal, Array]):
    """Maps signals to their present values.

    Only signals that have a value between two steps are in it: parameters, constants,
    and the state that one step leaves to the next. What is not simulated, since no
    probe depends on it, keeps its initial value.

    Parameters
    ----------
    session : Session
        The simulation.
    minibatched : bool
        Whether values have a leading minibatch axis; if not, it is removed.
    """

    def __init__(self, session: Session, minibatched: bool) -> None:
        self._synchronize = session.synchronize
        self._operators = session.program.model.operators
        self._layout = session.program.optimized.layout
        self._minibatched = minibatched
        parameters = session.variables.parameters
        self._variables = [*(x for _, x in parameters), *session.variables.states]
        # For each block its variable, and the columns of it that hold packed state.
        self._places: dict[int, tuple[int, slice | None]] = {
            block.index: (i, None) for i, (block, _) in enumerate(parameters)
        }
        first = len(parameters)
        for index, (array, columns) in session.program.memory.places.items():
            self._places[index] = first + array, columns

    def snapshot(self) -> dict[Signal, Array]:
        """Read all values.

        Returns
        -------
        values : dict of {nengo.builder.Signal: ndarray}
            The present values, which stay as they are.
        """
        self._synchronize()
        arrays = [variable.numpy() for variable in self._variables]
        return {signal: self._value(signal, arrays.__getitem__) for signal in self}

    def __getitem__(self, signal: Signal) -> Array:
        """Read a value.

        Parameters
        ----------
        signal : nengo.builder.Signal
            A signal of the model, or a view of one.

        Returns
        -------
        value : ndarray
            Its value, in the precision of the simulation. If each item of a minibatch
            has its own, these lie along a leading axis. Of a sparse signal, the
            entries.

        Raises
        ------
        KeyError
            If the signal is computed in every step, and not kept.
        """
        self._synchronize()
        return self._value(signal, lambda i: self._variables[i].numpy())

    def assign(self, values: Mapping[Signal, Array]) -> None:
        """Change values, each of the shape in which it is read.

        Parameters
        ----------
        values : dict of {nengo.builder.Signal: ndarray}
            New values of signals for which `is_variable` is true.
        """
        self._synchronize()
        arrays: dict[int, Array] = {}
        for signal, value in values.items():
            variable = self._places[self._layout.view(signal).block][0]
            if variable not in arrays:
                arrays[variable] = np.array(self._variables[variable].numpy())
            array = arrays[variable]
            positions = np.arange(array.size).reshape(array.shape)
            places = self._value(signal, {variable: positions}.__getitem__)
            array.reshape(-1)[places] = value
        for variable, array in arrays.items():
            self._variables[variable].assign(array)

    def is_minibatched(self, signal: Signal) -> bool:
        """Whether a signal has a value for each item of the minibatch.

        Parameters
        ----------
        signal : nengo.builder.Signal
            A signal of the model.

        Returns
        -------
        minibatched : bool
            False for signals that are not simulated.
        """
        block = self._block(signal)
        return block is not None and block.minibatched

    def is_variable(self, signal: Signal) -> bool:
        """Whether the value of a signal can be changed.

        Parameters
        ----------
        signal : nengo.builder.Signal
            A signal of the model.

        Returns
        -------
        variable : bool
            True for parameters and state; False for what is computed in every step,
            and for what is not simulated.
        """
        block = self._block(signal)
        return block is not None and block.index in self._places

    def is_state(self, signal: Signal) -> bool:
        """Whether a signal is part of the state that one step leaves to the next.

        Parameters
        ----------
        signal : nengo.builder.Signal
            A signal of the model.

        Returns
        -------
        state : bool
            False for parameters, for what is computed in every step, and for what is
            not simulated.
        """
        block = self._block(signal)
        places = None if block is None else self._places.get(block.index)
        return places is not None and places[1] is not None

    def _block(self, signal: Signal) -> Block | None:
        """The block in which a signal lies, if it is simulated."""
        if signal not in self._layout:
            return None
        return self._layout.blocks[self._layout.view(signal).block]

    def _value(self, signal: Signal, read: Callable[[int], Array]) -> Array:
        """Find a value in one of the variables, which ``read`` reads."""
        block = self._block(signal)
        if block is None:
            return initial_entries(signal)
        if block.index not in self._places:
            raise KeyError(f"{signal} has no value between steps: probe it")
        variable, columns = self._places[block.index]
        value = read(variable)
        if columns is not None:
            value = value[:, columns].reshape((len(value), *block.shape))
        view = self._layout.view(signal)
        batch = (slice(None),) * int(block.minibatched)
        pieces = [value[(*batch, slice(*bounds))] for bounds in ((0, 0), *view.slices)]
        rows = np.concatenate(pieces, axis=len(batch))
        value = rows.reshape((*value.shape[: len(batch)], *view.shape))
        return value[0] if batch and not self._minibatched else value

    def __iter__(self) -> Iterator[Signal]:
        signals = (sig.base for op in self._operators for sig in op.all_signals)
        for signal in dict.fromkeys(signals):
            if self._block(signal) is None or self.is_variable(signal):
                yield signal

    def __len__(self) -> int:
        return sum(1 for _ in self)


def initial_entries(signal: Signal) -> Array:
    """Return the value that a signal was built with.

    Parameters
    ----------
    signal : nengo.builder.Signal
        A signal of the model.

    Returns
    -------
    value : ndarray
        Its initial value; of a sparse signal, the entries.
    """
    value: Array = sparse_entries(signal)[1] if signal.sparse else signal.initial_value
    return value
