"""Parameters of a simulation by name: read, written, saved and loaded."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
import numpy.typing as npt
from nengo.builder.signal import Signal
from nengo.exceptions import ValidationError

from nengo_dl_core.values.object_names import (
    layer_variables,
    parameter_signals,
    state_signals,
)
from nengo_dl_core.values.session import Session as TensorGraph
from nengo_dl_core.values.signal_values import SignalValues

Array = npt.NDArray[Any]
write_array: Any = np.lib.format.write_array


def read_parameters(graph: TensorGraph) -> dict[str, Array]:
    """Read the present values of all parameters.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.

    Returns
    -------
    values : dict of {str: ndarray}
        Values by the names of `parameter_signals`. What an online learning rule owns
        has a leading minibatch axis, unless it is the same for all items. The weights
        of the network's Keras layers follow.
    """
    values = _read(graph, parameter_signals(graph))
    layers = layer_variables(graph)
    return values | {name: variable.numpy() for name, variable in layers.items()}


def write_parameters(graph: TensorGraph, values: Mapping[str, Array]) -> None:
    """Change the values of all parameters, or of none if one does not fit.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.
    values : dict of {str: ndarray}
        What `read_parameters` returned for a network of the same structure.

    Raises
    ------
    nengo.exceptions.ValidationError
        If the parameters are not those of the network; names the first that does not
        fit.
    """
    present = read_parameters(graph)
    _check_names(values, present)
    places = SignalValues(graph, minibatched=True)
    new: dict[Signal, Array] = {}
    for name, sig in parameter_signals(graph).items():
        value = _fitted(name, values[name], places[sig].shape)
        if places.is_variable(sig):
            new[sig] = value
        elif not np.array_equal(values[name], present[name]):
            raise ValidationError(
                f"parameter {name!r} was simplified away when the network was built, "
                "and cannot get another value",
                attr="path",
            )
    weights = [
        (variable, _fitted(name, values[name], tuple(variable.shape)))
        for name, variable in layer_variables(graph).items()
    ]
    places.assign(new)
    for variable, value in weights:
        variable.assign(value)


_STATE = "state/"
_N_STEPS = f"{_STATE}n_steps"


def read_state(graph: TensorGraph) -> dict[str, Array]:
    """Read the state of a simulation.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.

    Returns
    -------
    state : dict of {str: ndarray}
        Values by the names of `state_signals`, and the number of steps. They have a
        leading minibatch axis, unless they are the same for all items.
    """
    return {
        **{
            f"{_STATE}{name}": value
            for name, value in _read(graph, state_signals(graph)).items()
        },
        _N_STEPS: np.asarray(graph.n_steps),
    }


def split_state(
    arrays: Mapping[str, Array],
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Separate parameters from state.

    Parameters
    ----------
    arrays : dict of {str: ndarray}
        What `read_parameters` and `read_state` returned.

    Returns
    -------
    parameters, state : dict of {str: ndarray}
        The two parts.
    """
    state = {name: x for name, x in arrays.items() if name.startswith(_STATE)}
    return {name: x for name, x in arrays.items() if name not in state}, state


def fitted_state(
    graph: TensorGraph, state: Mapping[str, Array]
) -> tuple[dict[Signal, Array], int]:
    """Check that state fits to a simulation.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.
    state : dict of {str: ndarray}
        What `read_state` returned for a simulation like this.

    Returns
    -------
    values : dict of {nengo.builder.Signal: ndarray}
        The state, for all items of the minibatch.
    n_steps : int
        The number of steps.

    Raises
    ------
    nengo.exceptions.ValidationError
        If it does not; names the first value that does not fit.
    """
    if not state:
        raise ValidationError("the file has no state; see include_state", attr="path")
    signals = {f"{_STATE}{name}": x for name, x in state_signals(graph).items()}
    _check_names(state, [*signals, _N_STEPS])
    places = SignalValues(graph, minibatched=True)
    values = {
        sig: _fitted(name, state[name], places[sig].shape)
        for name, sig in signals.items()
    }
    return values, int(state[_N_STEPS])


def write_state(graph: TensorGraph, values: dict[Signal, Array], n_steps: int) -> None:
    """Continue from a state.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.
    values, n_steps
        What `fitted_state` returned.
    """
    SignalValues(graph, minibatched=True).assign(values)
    graph.step.assign(n_steps)


def _read(graph: TensorGraph, signals: Mapping[str, Signal]) -> dict[str, Array]:
    """Read signals; what is the same for all items has no minibatch axis."""
    values = SignalValues(graph, minibatched=True)
    read = {}
    for name, sig in signals.items():
        value = values[sig]
        same = values.is_minibatched(sig) and (value == value[:1]).all()
        read[name] = value[0] if same else value
    return read


def _check_names(given: Collection[str], expected: Collection[str]) -> None:
    """Check that a file holds what a network has."""
    for name in [*expected, *given]:
        if name not in given or name not in expected:
            where = "the file" if name not in given else "the network"
            raise ValidationError(f"{name!r} is not in {where}", attr="path")


def _fitted(name: str, value: Array, shape: tuple[int, ...]) -> Array:
    """A value for all items of the minibatch, in the shape that is expected."""
    if value.shape not in (shape, shape[1:]):
        raise ValidationError(
            f"{name!r} has shape {value.shape} in the file, expected {shape}",
            attr="path",
        )
    return np.broadcast_to(value, shape)


def save_arrays(path: str | os.PathLike[str], arrays: Mapping[str, Array]) -> None:
    """Write arrays to a file, whole or not at all.

    Parameters
    ----------
    path : str
        The file, in NumPy's ``npz`` format. An old one is replaced at once when the new
        one is complete.
    arrays : dict of {str: ndarray}
        The arrays by name.
    """
    target = Path(path)
    with NamedTemporaryFile(
        dir=target.parent, prefix=target.name, delete=False
    ) as file:
        try:
            with zipfile.ZipFile(file, "w") as archive:
                for name, array in arrays.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                        write_array(member, np.asarray(array), allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(target)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def load_arrays(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Read what `save_arrays` has written. Nothing is ever unpickled.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    arrays : dict of {str: ndarray}
        The arrays by name.

    Raises
    ------
    nengo.exceptions.ValidationError
        If the file is damaged, or is no file of parameters.
    FileNotFoundError
        If there is no such file.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise ValidationError(
            f"{path} is damaged, or no file of parameters ({error})", attr="path"
        ) from error
