"""The clock: `nengo.builder.operator.TimeUpdate`."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..memory import Memory, Step
from .makers import Group


def time_update(group: Group, memory: Memory, dt: float) -> list[Step]:
    """Count steps, and tell the time in seconds."""
    steps: list[Step] = []
    for op in group:
        number, time = memory[op.step], memory[op.time]
        length = np.asarray(dt, time.dtype)
        steps += [
            partial(np.add, number, 1, number),
            partial(np.multiply, number, length, time),
        ]
    return steps
