"""The state of a simulation by name, for files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from nengo.builder.signal import Signal
from nengo.exceptions import ValidationError

from nengo_dl_core.training.tensor_graph import TensorGraph
from nengo_dl_core.values.object_names import state_signals
from nengo_dl_core.values.parameter_kinds import fitted, present_entries
from nengo_dl_core.values.signal_values import SignalValues

Array = npt.NDArray[Any]

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
    values = SignalValues(graph, minibatched=True)
    state = {
        f"{_STATE}{name}": present_entries(values, sig)
        for name, sig in state_signals(graph).items()
    }
    return {**state, _N_STEPS: np.asarray(graph.n_steps)}


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
        sig: fitted(name, state[name], places[sig].shape)
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


def _check_names(given: Collection[str], expected: Collection[str]) -> None:
    """Check that a file holds what a network has."""
    for name in [*expected, *given]:
        if name not in given or name not in expected:
            where = "the file" if name not in given else "the network"
            raise ValidationError(f"{name!r} is not in {where}", attr="path")
