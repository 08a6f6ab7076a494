"""Names the state of a simulation, so that a file can hold it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from nengo.exceptions import ValidationError

from nengo_dl_core.values.object_names import generator_names, state_signals
from nengo_dl_core.values.parameter_kinds import fitted, present_entries
from nengo_dl_core.values.session import Session
from nengo_dl_core.values.signal_values import SignalValues
from nengo_dl_core.values.state import State

Array = npt.NDArray[Any]

_STATE = "state/"
_N_STEPS = f"{_STATE}n_steps"


def read_state(session: Session) -> dict[str, Array]:
    """Read the state of a simulation.

    Parameters
    ----------
    session : Session
        The simulation.

    Returns
    -------
    state : dict of {str: ndarray}
        Values by the names of `state_signals` and `generator_names`, and the number of
        steps. They have a leading minibatch axis, unless they are the same for all
        items. The weights of Keras layers are among the parameters.
    """
    values = SignalValues(session, minibatched=True)
    signals = {
        name: present_entries(values, sig)
        for name, sig in state_signals(session).items()
    }
    generators = {
        name: array[0] if (array == array[:1]).all() else array
        for name, array in _generators(session).items()
    }
    arrays = {f"{_STATE}{name}": x for name, x in (signals | generators).items()}
    return {**arrays, _N_STEPS: np.asarray(session.n_steps)}


def _generators(session: Session) -> dict[str, Array]:
    """Read all random generators, by name; the first axis is the minibatch."""
    names, states = generator_names(session), session.generators.state()
    return {
        f"{name}.{key}": array
        for name, state in zip(names, states, strict=True)
        for key, array in state.items()
    }


def split_state(
    arrays: Mapping[str, Array],
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Separate parameters from state.

    Parameters
    ----------
    arrays : dict of {str: ndarray}
        The content of a file.

    Returns
    -------
    parameters, state : dict of {str: ndarray}
        The two parts.
    """
    state = {name: x for name, x in arrays.items() if name.startswith(_STATE)}
    return {name: x for name, x in arrays.items() if name not in state}, state


def fitted_state(session: Session, arrays: Mapping[str, Array]) -> State:
    """Check that a state fits to a simulation.

    Parameters
    ----------
    session : Session
        The simulation.
    arrays : dict of {str: ndarray}
        What `read_state` returned for a simulation like this.

    Returns
    -------
    state : State
        The state, for all items of the minibatch. Keras layers have their present
        weights.

    Raises
    ------
    nengo.exceptions.ValidationError
        If it does not fit; names the first value that does not.
    """
    if not arrays:
        raise ValidationError("the file has no state; see include_state", attr="path")
    memory, signals = session.program.memory, state_signals(session)
    present, generators = session.state(), _generators(session)
    expected = [f"{_STATE}{name}" for name in (*signals, *generators)]
    _check_names(arrays, [*expected, _N_STEPS])
    packed = tuple(map(np.array, present.signals))
    for name, sig in signals.items():
        place = memory.columns(sig)
        assert place is not None, "what is named survives a step"
        array, columns = place
        shape = (session.program.minibatch_size, *memory.layout.view(sig).shape)
        value = fitted(f"{_STATE}{name}", arrays[f"{_STATE}{name}"], shape)
        packed[array][:, columns] = value.reshape((len(value), -1))
    names = generator_names(session)
    restored = tuple(
        {
            key: fitted(
                f"{_STATE}{name}.{key}", arrays[f"{_STATE}{name}.{key}"], array.shape
            ).astype(array.dtype)
            for key, array in state.items()
        }
        for name, state in zip(names, present.generators, strict=True)
    )
    return State(int(arrays[_N_STEPS]), packed, restored, present.layers)


def _check_names(given: Collection[str], expected: Collection[str]) -> None:
    """Check that a file holds what a network has."""
    for name in [*expected, *given]:
        if name not in given or name not in expected:
            where = "the file" if name not in given else "the network"
            raise ValidationError(f"{name!r} is not in {where}", attr="path")
