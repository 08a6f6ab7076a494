"""Python functions: `nengo.builder.operator.SimPyFunc`."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np
from nengo.builder.operator import SimPyFunc
from nengo.exceptions import SimulationError
from nengo.utils.functions import function_name

from ..memory import Array, Memory, Step
from .makers import Group, per_item


@per_item
def python_function(group: Group, memory: Memory, dt: float) -> list[Step]:
    """Call each operator's function, with a copy of what it reads."""
    return [_step(op, memory) for op in group]


def _step(op: SimPyFunc, memory: Memory) -> Step:
    function = op.fn
    time = None if op.t is None else memory[op.t]
    x = None if op.x is None else memory[op.x]
    output = None if op.output is None else memory[op.output]

    def step() -> None:
        given = () if x is None else (x.copy(),)
        value = function(*given) if time is None else function(time.item(), *given)
        if output is not None:
            _assign(output, value, function)

    return step


def _assign(output: Array, value: Any, function: Any) -> None:
    """Write what a function returned, if it is of any use."""
    try:
        output[...] = value
    except (TypeError, ValueError) as error:
        raise SimulationError(
            f"Function '{function_name(function)}' returned a value {value!r} of "
            f"invalid type {type(value)!r}"
        ) from error
    if value is None or not (
        isfinite(output.item()) if output.size == 1 else np.isfinite(output).all()
    ):
        raise SimulationError(
            f"Function '{function_name(function)}' returned non-finite value {value!r}"
        )
