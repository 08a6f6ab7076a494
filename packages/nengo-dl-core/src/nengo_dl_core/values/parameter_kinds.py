"""The kinds of parameters of a network: how each is read, and given a new value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from nengo.builder.signal import Signal
from nengo.exceptions import ValidationError

from nengo_dl_core.values.signal_values import SignalValues, initial_entries

Array = npt.NDArray[Any]
Assignment = tuple[Signal | keras.Variable, Array]


@dataclass(frozen=True, kw_only=True, eq=False)
class Parameter(ABC):
    """A value of a network that is learned, solved for, or drawn at random.

    Parameters
    ----------
    name : str
        The place of the object in its network, with its label if it has one, and what
        it is of the object: ``"networks[0:memory].ensembles[1:store].encoders"``.
    trained : bool
        Whether `Simulator.fit` changes it.
    given : bool
        Whether the definition of the network gives it as numbers, and it is never
        trained. A file may then lack it.
    dispensable : bool
        Whether it keeps its present value where a file lacks it, without an error.
    drawn : bool
        Whether its value is made for neurons that were drawn without a seed, so that
        it does not fit those that a file brings.
    """

    name: str
    trained: bool = False
    given: bool = False
    dispensable: bool = False
    drawn: bool = False

    @abstractmethod
    def read(self, values: SignalValues) -> Array:
        """Read the present value.

        Parameters
        ----------
        values : SignalValues
            The values of the simulation, with a minibatch axis.

        Returns
        -------
        value : ndarray
            As it is for firing rates that are not scaled. What an online learning rule
            owns has a leading minibatch axis, unless it is the same for all items.
        """

    @abstractmethod
    def assignments(self, values: SignalValues, value: Array) -> list[Assignment]:
        """Say what has to be assigned for a new value.

        Parameters
        ----------
        values : SignalValues
            The values of the simulation, with a minibatch axis.
        value : ndarray
            What `read` returned for a parameter like this.

        Returns
        -------
        assignments : list of (nengo.builder.Signal or keras.Variable, ndarray)
            Signals and variables, and their new values.

        Raises
        ------
        nengo.exceptions.ValidationError
            If the parameter cannot have this value.
        """

    def fixed(self, values: SignalValues) -> bool:
        """Whether the present value is the one that the definition gives.

        Parameters
        ----------
        values : SignalValues
            The values of the simulation, with a minibatch axis.

        Returns
        -------
        fixed : bool
            False if it has been loaded from a file, for example.
        """
        return self.given


@dataclass(frozen=True, kw_only=True, eq=False)
class SignalParameter(Parameter):
    """A parameter that is a signal of the model: encoders, a bias or weights.

    Parameters
    ----------
    signal : nengo.builder.Signal
        The signal.
    scale : float
        Scale of the firing rates that is part of the signal's value.
    """

    signal: Signal
    scale: float = 1.0

    def read(self, values: SignalValues) -> Array:
        """Read the present value; see `Parameter.read`."""
        value = present_entries(values, self.signal)
        return value if self.scale == 1 else value / self.scale

    def assignments(self, values: SignalValues, value: Array) -> list[Assignment]:
        """Say what has to be assigned; see `Parameter.assignments`."""
        new = fitted(self.name, value, values[self.signal].shape) * self.scale
        return _assigned(self.name, values, self.signal, new)

    def fixed(self, values: SignalValues) -> bool:
        """Whether the value is that of the definition; see `Parameter.fixed`."""
        value = present_entries(values, self.signal)
        return self.given and np.array_equal(value, initial_entries(self.signal))


@dataclass(frozen=True, kw_only=True, eq=False)
class Gain(Parameter):
    """The gain of neurons that have connections of their own.

    Parameters
    ----------
    built : ndarray
        What Nengo built, ``(n_neurons,)``.
    signals : list of (nengo.builder.Signal, slice)
        Signals of gains, and the neurons that they are about.
    learned_by : bool
        Whether a learning rule uses the gain too.
    scale : float
        Scale of the firing rates that is part of the gain.
    """

    built: Array
    signals: Sequence[tuple[Signal, Any]]
    learned_by: bool
    scale: float = 1.0

    def read(self, values: SignalValues) -> Array:
        """Read the present value; see `Parameter.read`."""
        gain = np.array(self.built)
        for sig, neurons in self.signals:
            gain[neurons] = present_entries(values, sig)
        return gain / self.scale

    def assignments(self, values: SignalValues, value: Array) -> list[Assignment]:
        """Say what has to be assigned; see `Parameter.assignments`."""
        gain = fitted(self.name, value, self.built.shape) * self.scale
        if _equal(gain, self.read(values) * self.scale):
            return []
        if self.given:
            raise ValidationError(
                f"{self.name!r} is not what the network gives; if it scales firing "
                "rates, and the amplitude of the neurons too, set "
                "net.config[ens].firing_rate_scale, else give the gain of the file",
                attr="path",
            )
        if self.learned_by and not _equal(gain, self.built):
            raise ValidationError(
                f"{self.name!r} is not that of the network, and a learning rule uses "
                "it; give the ensemble the seed of the one that was saved",
                attr="path",
            )
        return [
            assignment
            for sig, neurons in self.signals
            for assignment in _assigned(self.name, values, sig, gain[neurons])
        ]


@dataclass(frozen=True, kw_only=True, eq=False)
class Indices(Parameter):
    """The rows and columns of sparse weights, which stay as they are.

    Parameters
    ----------
    indices : ndarray
        Row and column of each entry, ``(n_entries, 2)``.
    """

    indices: Array

    def read(self, values: SignalValues) -> Array:
        """Read the present value; see `Parameter.read`."""
        return self.indices

    def assignments(self, values: SignalValues, value: Array) -> list[Assignment]:
        """Refuse other indices; see `Parameter.assignments`."""
        if not np.array_equal(value, self.indices):
            raise ValidationError(
                f"{self.name!r}, the rows and columns of sparse weights, are not those "
                "of the network",
                attr="path",
            )
        return []


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerParameter(Parameter):
    """A weight of a Keras layer.

    Parameters
    ----------
    variable : keras.Variable
        The simulation's own variable.
    """

    variable: keras.Variable

    def read(self, values: SignalValues) -> Array:
        """Read the present value; see `Parameter.read`."""
        value = np.asarray(self.variable.numpy())
        return value if value.dtype.kind in "biuf" else value.astype(np.float32)

    def assignments(self, values: SignalValues, value: Array) -> list[Assignment]:
        """Say what has to be assigned; see `Parameter.assignments`."""
        return [(self.variable, fitted(self.name, value, tuple(self.variable.shape)))]


def present_entries(values: SignalValues, sig: Signal) -> Array:
    """Read a signal, of a sparse one the entries.

    Parameters
    ----------
    values : SignalValues
        The values of a simulation, with a minibatch axis.
    sig : nengo.builder.Signal
        A signal that has a value between steps.

    Returns
    -------
    value : ndarray
        Without minibatch axis, if it is the same for all items; the very array that
        Nengo built, if only the precision differs.
    """
    value, first = values[sig], initial_entries(sig)
    if values.is_minibatched(sig) and (value == value[:1]).all():
        value = value[0]
    return first if np.array_equal(value, first.astype(value.dtype)) else value


def fitted(name: str, value: Array, shape: tuple[int, ...]) -> Array:
    """Give a value to all items of the minibatch.

    Parameters
    ----------
    name : str
        Name of the value.
    value : ndarray
        The value, with or without a leading minibatch axis.
    shape : tuple of int
        The shape that is expected.

    Returns
    -------
    fitted : ndarray
        The value in that shape.

    Raises
    ------
    nengo.exceptions.ValidationError
        If it has another one.
    """
    if value.shape not in (shape, shape[1:]):
        raise ValidationError(
            f"{name!r} has shape {value.shape} in the file, expected {shape}",
            attr="path",
        )
    return np.broadcast_to(value, shape)


def _equal(one: Array, other: Array) -> bool:
    """Whether values differ by no more than single precision loses."""
    return bool(np.allclose(one, other, rtol=1e-6, atol=0))


def _assigned(
    name: str, values: SignalValues, sig: Signal, value: Array
) -> list[Assignment]:
    """List the assignment of a new value to a signal; raise if it cannot change."""
    if values.is_variable(sig):
        return [(sig, value)]
    if not _equal(value, values[sig]):
        raise ValidationError(
            f"{name!r} was simplified away when the network was built, and cannot get "
            "another value",
            attr="path",
        )
    return []
