"""The node types of NIR: which parameters each has, and which values these may have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import NIRError
from .graph import Node

Array = npt.NDArray[np.float64]
Check = Callable[[str, str, Any], Any]


def make_node(name: str, kind: Any, given: Mapping[str, Any]) -> Node:
    """Make a node of what is said about it.

    Parameters
    ----------
    name : str
        Name of the node, for messages.
    kind : str
        Its type in NIR.
    given : dict of {str: object}
        Values of its parameters. What can be inferred may be missing.

    Returns
    -------
    node : Node
        The node, with copies of the values.

    Raises
    ------
    NIRError
        If there is no such type, or a parameter is missing, unknown or invalid.
    """
    if kind not in KINDS:
        raise NIRError(
            f"{kind!r} is no known type of node; known are {', '.join(sorted(KINDS))}",
            name,
        )
    checks = KINDS[kind]
    metadata = given.get("metadata")
    unknown = given.keys() - checks.keys() - _INFERRED
    if unknown:
        raise NIRError(
            f"a {kind} has no parameter {', '.join(sorted(map(str, unknown)))}; it has "
            f"{', '.join(checks)}",
            name,
        )
    parameters = {}
    for parameter, check in checks.items():
        value = given.get(parameter)
        if value is None:
            if parameter not in _DEFAULTS:
                raise NIRError(f"the parameter {parameter} of {kind} is missing", name)
            value = _DEFAULTS[parameter]
        parameters[parameter] = check(name, parameter, value)
    said = dict(metadata) if isinstance(metadata, Mapping) else {}
    return Node(kind, parameters, said)


def _numbers(name: str, parameter: str, value: Any) -> Array:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise NIRError(f"{parameter} must be numbers, not {value!r}", name)
    array = np.array(array, np.float64)
    if np.isnan(array).any():
        raise NIRError(f"{parameter} is not a number (NaN)", name)
    return array


def _finite(name: str, parameter: str, value: Any) -> Array:
    array = _numbers(name, parameter, value)
    if np.isinf(array).any():
        raise NIRError(f"{parameter} is infinite", name)
    return array


def _time_constant(name: str, parameter: str, value: Any) -> Array:
    array = _numbers(name, parameter, value)
    if (array <= 0).any():
        raise NIRError(f"{parameter} must be above 0, not {array.min()}", name)
    return array


def _delay(name: str, parameter: str, value: Any) -> Array:
    array = _finite(name, parameter, value)
    if (array < 0).any():
        raise NIRError(f"{parameter} must not be negative, is {array.min()}", name)
    return array


def _weight(n_axes: int | None) -> Check:
    def check(name: str, parameter: str, value: Any) -> Array:
        array = _finite(name, parameter, value)
        if array.ndim != (n_axes or max(array.ndim, 2)) or 0 in array.shape:
            axes = f"{n_axes}" if n_axes else "2 or more"
            raise NIRError(
                f"{parameter} must have {axes} axes, and elements; its shape is "
                f"{array.shape}",
                name,
            )
        return array

    return check


def _whole(name: str, parameter: str, value: Any) -> npt.NDArray[np.int64]:
    array = _finite(name, parameter, value)
    if (array != np.rint(array)).any():
        raise NIRError(f"{parameter} must be whole numbers, not {array.tolist()}", name)
    return array.astype(np.int64)


def _shape(name: str, parameter: str, value: Any) -> tuple[int, ...]:
    if value is None:
        raise NIRError(f"the parameter {parameter} of Input is missing", name)
    lengths = tuple(int(n) for n in np.ravel(_whole(name, parameter, value)))
    if min(lengths, default=1) < 1:
        raise NIRError(f"{parameter} must hold lengths above 0, not {lengths}", name)
    return lengths


def _shape_or_none(name: str, parameter: str, value: Any) -> tuple[int, ...] | None:
    return None if value is None else _shape(name, parameter, value)


def _whole_number(name: str, parameter: str, value: Any) -> int:
    array = np.ravel(_whole(name, parameter, value))
    if array.size != 1:
        raise NIRError(f"{parameter} must be one number, not {array.tolist()}", name)
    return int(array[0])


def _groups(name: str, parameter: str, value: Any) -> int:
    number = _whole_number(name, parameter, value)
    if number < 1:
        raise NIRError(f"{parameter} must be 1 or more, not {number}", name)
    return number


def _per_axis(n_axes: int, lowest: int, words: tuple[str, ...] = ()) -> Check:
    def check(name: str, parameter: str, value: Any) -> Any:
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        if isinstance(value, str) and value in words:
            return value
        if isinstance(value, str):
            raise NIRError(
                f"{parameter} must be numbers{''.join(f', {w!r}' for w in words)}, not "
                f"{value!r}",
                name,
            )
        array = np.ravel(_whole(name, parameter, value))
        if array.size not in (1, n_axes) or (array < lowest).any():
            raise NIRError(
                f"{parameter} must be {n_axes} whole numbers from {lowest} on, not "
                f"{array.tolist()}",
                name,
            )
        return tuple(int(n) for n in np.broadcast_to(array, n_axes))

    return check


def _convolution(n_axes: int) -> dict[str, Check]:
    return {
        "weight": _weight(n_axes + 2),
        "bias": _finite,
        "stride": _per_axis(n_axes, 1),
        "padding": _per_axis(n_axes, 0, ("same", "valid")),
        "dilation": _per_axis(n_axes, 1),
        "groups": _groups,
    }


_POOL: dict[str, Check] = {
    "kernel_size": _per_axis(2, 1),
    "stride": _per_axis(2, 1),
    "padding": _per_axis(2, 0),
}
_LI: dict[str, Check] = {"tau": _time_constant, "r": _finite, "v_leak": _finite}
_SPIKES: dict[str, Check] = {"v_threshold": _numbers, "v_reset": _finite}
_CUBA: dict[str, Check] = {
    "tau_syn": _time_constant,
    "tau_mem": _time_constant,
    "r": _finite,
    "v_leak": _finite,
    "w_in": _finite,
}
_DEFAULTS: dict[str, Any] = {
    "v_reset": 0.0,
    "w_in": 1.0,
    "start_dim": 1,
    "end_dim": -1,
    "shape": None,
}
# Shapes that follow from the rest, which some writers state.
_INFERRED = {"type", "metadata", "input_shape", "input_type", "output_type"}

KINDS: dict[str, dict[str, Check]] = {
    "Input": {"shape": _shape},
    "Output": {"shape": _shape_or_none},
    "Affine": {"weight": _weight(None), "bias": _finite},
    "Linear": {"weight": _weight(None)},
    "Scale": {"scale": _finite},
    "Conv1d": _convolution(1),
    "Conv2d": _convolution(2),
    "SumPool2d": _POOL,
    "AvgPool2d": _POOL,
    "Flatten": {"start_dim": _whole_number, "end_dim": _whole_number},
    "Delay": {"delay": _delay},
    "Threshold": {"threshold": _numbers},
    "I": {"r": _finite},
    "IF": {"r": _finite} | _SPIKES,
    "LI": _LI,
    "LIF": _LI | _SPIKES,
    "CubaLI": _CUBA,
    "CubaLIF": _CUBA | _SPIKES,
}
"""For each type of node its parameters, with what checks and copies each."""

ELEMENTWISE = (
    "Scale",
    "Delay",
    "Threshold",
    "I",
    "IF",
    "LI",
    "LIF",
    "CubaLI",
    "CubaLIF",
)
"""Types whose parameters have a value for each element of the input."""
