"""Reads, writes, saves and loads the parameters of a simulation."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy.typing as npt
from nengo.builder.signal import Signal
from nengo.exceptions import ValidationError

from nengo_dl_core.values.files import load_arrays, save_arrays
from nengo_dl_core.values.matching import GIVEN, match
from nengo_dl_core.values.named_parameters import named_parameters
from nengo_dl_core.values.saved_state import (
    fitted_state,
    read_state,
    split_state,
)
from nengo_dl_core.values.session import Session
from nengo_dl_core.values.signal_values import SignalValues

Array = npt.NDArray[Any]


def read_parameters(session: Session) -> dict[str, Array]:
    """Read the present values of all parameters.

    Parameters
    ----------
    session : Session
        The simulation.

    Returns
    -------
    values : dict of {str: ndarray}
        Values by the names of `named_parameters`. The names of those that still are as
        the network defines them begin with ``"given/"``.
    """
    values = SignalValues(session, minibatched=True)
    return {
        GIVEN * parameter.fixed(values) + parameter.name: parameter.read(values)
        for parameter in named_parameters(session)
    }


def write_parameters(session: Session, arrays: Mapping[str, Array]) -> None:
    """Change the values of all parameters, or of none if one does not fit.

    Parameters
    ----------
    session : Session
        The simulation.
    arrays : dict of {str: ndarray}
        What `read_parameters` returned for a network of the same structure; see
        `nengo_dl_core.values.matching.match`.

    Raises
    ------
    nengo.exceptions.ValidationError
        If the parameters are not those of the network; names the first that does not
        fit.

    Warns
    -----
    UserWarning
        If a Probe keeps decoders that were made for random neurons.
    """
    values = SignalValues(session, minibatched=True)
    present = {x: x.read(values) for x in named_parameters(session)}
    matched = match(arrays, present)
    for parameter in present:
        if parameter.drawn and parameter not in matched:
            warnings.warn(
                f"the file does not have {parameter.name!r}: these decoders stay, "
                "which were made for the random neurons that this network had before; "
                "a seed of the network makes its neurons those of another",
                stacklevel=5,
            )
    assignments = [
        assignment
        for parameter, value in matched.items()
        for assignment in parameter.assignments(values, value)
    ]
    values.assign({x: new for x, new in assignments if isinstance(x, Signal)})
    for target, new in assignments:
        if not isinstance(target, Signal):
            target.assign(new)


def save_parameters(
    session: Session, path: str | os.PathLike[str], include_state: bool
) -> None:
    """Save the parameters of a simulation to a file.

    Parameters
    ----------
    session : Session
        The simulation.
    path : str
        The file; see `save_arrays`.
    include_state : bool
        Whether to save the state too.
    """
    arrays = read_parameters(session)
    if include_state:
        arrays |= read_state(session)
    save_arrays(path, arrays)


def load_parameters(
    session: Session, path: str | os.PathLike[str], include_state: bool
) -> None:
    """Load the parameters of a simulation from a file.

    Parameters
    ----------
    session : Session
        The simulation.
    path : str
        The file; see `load_arrays`.
    include_state : bool
        Whether to load the state too.

    Raises
    ------
    nengo.exceptions.ValidationError
        If the file is damaged or something in it does not fit; then nothing changes.
    """
    parameters, state = split_state(load_arrays(path))
    try:
        fitted = fitted_state(session, state) if include_state else None
        write_parameters(session, parameters)
    except ValidationError as error:
        raise ValidationError(f"{path}: {error.args[0]}", attr="path") from error
    if fitted is not None:
        layers = session.variables.layer_weights.state()  # they are parameters
        session.restore(replace(fitted, layers=layers))
