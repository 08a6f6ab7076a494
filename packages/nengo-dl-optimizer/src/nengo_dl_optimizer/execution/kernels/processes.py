"""Processes: `nengo.builder.processes.SimProcess`."""

from __future__ import annotations

from typing import Any

import numpy as np
from nengo.builder.processes import SimProcess

from ..memory import Memory, Step
from .filters import filter_forms, linear_filter
from .makers import Group, per_item


def process(group: Group, memory: Memory, dt: float) -> list[Step]:
    """Filter with all linear filters at once, and run other processes one by one."""
    forms = filter_forms(group, dt)
    others = [op for op in group if op not in forms]
    return [*linear_filter(forms, memory), *one_by_one(others, memory, dt)]


@per_item
def one_by_one(group: Group, memory: Memory, dt: float) -> list[Step]:
    """Run each process by itself, with a random generator of its own."""
    return [_step(op, memory, dt) for op in group]


def _step(op: SimProcess, memory: Memory, dt: float) -> Step:
    time, output = memory[op.t], memory[op.output]
    x: Any = None if op.input is None else memory[op.input]
    state = {name: memory[signal] for name, signal in op.state.items()}
    shape = (0,) if x is None else x.shape
    rng = memory.generators_of(op)["rng"]
    function: Any = op.process.make_step(shape, output.shape, dt, rng, state)
    if op.mode == "inc" and x is None:

        def step() -> None:
            np.add(output, function(time.item()), output)

    elif op.mode == "inc":

        def step() -> None:
            np.add(output, function(time.item(), x.copy()), output)

    elif x is None:

        def step() -> None:
            output[...] = function(time.item())

    else:

        def step() -> None:
            output[...] = function(time.item(), x.copy())

    return step
