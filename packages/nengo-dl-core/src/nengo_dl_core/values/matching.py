"""Finds the array of a file that belongs to each parameter of a network.

They are matched by name, if the network is the same or built alike. Where names differ
(other labels, or an activation function that takes other objects in one of the
networks), they are matched by order and shape, if these leave no doubt. Files of
NengoDL 3 have positions in place of names, and join parameters as its planner had
merged them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
from nengo.exceptions import ValidationError

from nengo_dl_core.values.parameter_kinds import Parameter

Array = npt.NDArray[Any]

# Prefix of what the definition of the network that was saved gives.
GIVEN = "given/"


def match(
    arrays: Mapping[str, Array], parameters: Mapping[Parameter, Array]
) -> dict[Parameter, Array]:
    """Find the array of a file for each parameter of a network.

    Parameters
    ----------
    arrays : dict of {str: ndarray}
        What the file holds.
    parameters : dict of {Parameter: ndarray}
        The parameters of the network, and their present values.

    Returns
    -------
    matched : dict of {Parameter: ndarray}
        What the parameters are to be. Those that the definition of the network gives,
        and others that may stay as they are, can be missing.

    Raises
    ------
    nengo.exceptions.ValidationError
        If something is missing in the file or in the network, or it is not certain what
        belongs together.
    """
    if arrays and all(re.fullmatch(r"arr_\d+", name) for name in arrays):
        return _by_shape(list(arrays.values()), parameters)
    try:
        return _by_name(arrays, parameters)
    except ValidationError:
        matched = _by_order(arrays, parameters)
        if matched is None:
            raise
        return matched


def _by_name(
    arrays: Mapping[str, Array], parameters: Mapping[Parameter, Array]
) -> dict[Parameter, Array]:
    found = {name.removeprefix(GIVEN): value for name, value in arrays.items()}
    known = {parameter.name for parameter in parameters}
    matched = {}
    for parameter, present in parameters.items():
        value = found.get(parameter.name)
        dispensable = parameter.given or parameter.dispensable
        if value is None:
            if not dispensable:
                raise ValidationError(
                    f"{parameter.name!r} is not in the file", attr="path"
                )
        elif _alike(value, present):
            matched[parameter] = value
        elif not dispensable:
            raise ValidationError(
                f"{parameter.name!r} has shape {value.shape} in the file, expected "
                f"{present.shape}",
                attr="path",
            )
    for name in arrays:
        if not (name in known or name.startswith(GIVEN) or _of_probe(name)):
            raise ValidationError(f"{name!r} is not in the network", attr="path")
    return matched


def _by_order(
    arrays: Mapping[str, Array], parameters: Mapping[Parameter, Array]
) -> dict[Parameter, Array] | None:
    """Match one by one, or return None if there is doubt.

    What the definitions of the networks give may differ, but for arrays of weights:
    these may have been taken from somewhere else, and must all be found.
    """
    file = {name.removeprefix(GIVEN): x for name, x in arrays.items()}
    network = {parameter.name: x for parameter, x in parameters.items()}
    whole = _pairs(file, network)
    pairs = whole or {}
    if whole is None:
        given = {p.name for p in parameters if p.given}
        for fixed in (False, True):
            some = _pairs(
                _part(file, {n for n in file if GIVEN + n in arrays}, fixed),
                _part(network, given, fixed),
            )
            if some is None:
                return None
            pairs = pairs | some
    return {p: file[pairs[p.name]] for p in parameters if p.name in pairs}


def _part(
    arrays: Mapping[str, Array], given: set[str], fixed: bool
) -> dict[str, Array]:
    """Select the weights that a definition gives; or all else but that of Probes."""
    return {
        name: x
        for name, x in arrays.items()
        if (name in given) == fixed
        and (x.ndim and _kind(name) == "weights" if fixed else not _of_probe(name))
    }


def _pairs(
    file: Mapping[str, Array], network: Mapping[str, Array]
) -> dict[str, str] | None:
    """Pair names in order; None if a kind or shape differs, or a label has moved."""
    if len(file) != len(network):
        return None
    known, others = (
        {x for name in names for x in _labels(name)} for names in (network, file)
    )
    for (theirs, value), (ours, present) in zip(
        file.items(), network.items(), strict=True
    ):
        old, new = _labels(theirs), _labels(ours)
        # Keras counts its layers: that dense_1 has become dense_2 is no move
        counted = known != others and _uncounted(old) == _uncounted(new)
        moved = old != new and not known.isdisjoint(old) and not counted
        if moved or _kind(theirs) != _kind(ours) or not _alike(value, present):
            return None
    return dict(zip(network, file, strict=True))


def _by_shape(
    arrays: Sequence[Array], parameters: Mapping[Parameter, Array]
) -> dict[Parameter, Array]:
    """Match a file of NengoDL 3, which holds what is trained."""
    trained = {p: x for p, x in parameters.items() if p.trained}
    in_file = Counter(_full_shape(x) for x in arrays)
    in_network = Counter(_full_shape(x) for x in trained.values())
    several = [shape for shape, n in (in_file + in_network).items() if n > 2]
    if several or in_file != in_network:
        reason = (
            f"several are of shape {several[0]}"
            if in_file == in_network
            else f"they are of shapes {sorted(in_file.elements())}, and those of the "
            f"network of {sorted(in_network.elements())}"
        )
        raise ValidationError(
            "the parameters have no names, as in files of NengoDL 3, and cannot be "
            f"told apart by their shapes: {reason}; load the file with NengoDL 3, and "
            "take the values over with sim.get_nengo_params",
            attr="path",
        )
    by_shape = {_full_shape(x): x for x in arrays}
    return {p: by_shape[_full_shape(x)].reshape(x.shape) for p, x in trained.items()}


def _full_shape(value: Array) -> tuple[int, ...]:
    """Return the shape that NengoDL 3 gave to a value: numbers were arrays of one."""
    return value.shape or (1,)


def _alike(value: Array, present: Array) -> bool:
    """Whether shapes fit, with or without a minibatch axis."""
    return (
        value.shape in (present.shape, present.shape[1:])
        or value.shape[1:] == present.shape
    )


def _kind(name: str) -> str:
    """Read from a name what the parameter is of its object, such as ``"bias"``."""
    return name.rpartition("].")[2]


def _labels(name: str) -> list[str]:
    """Read from a name the labels of the object and of the networks around it."""
    return re.findall(r"\[\d+:([^\]]*)\]", name)


def _uncounted(labels: list[str]) -> list[str]:
    """Remove the numbers at the ends of labels."""
    return [re.sub(r"_\d+$", "", label) for label in labels]


def _of_probe(name: str) -> bool:
    return _kind(name).startswith("probed")
