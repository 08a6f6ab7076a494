"""Resets: `nengo.builder.operator.Reset` and `ResetInc`."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..memory import Array, Memory, Slot, Step
from .makers import Group


def reset(group: Group, memory: Memory, dt: float) -> list[Step]:
    """Set signals to numbers, by one assignment."""
    slot = memory.slot([op.dst for op in group])
    value = _values(group, slot)
    if slot.is_view and not isinstance(value, np.ndarray):
        return [partial(slot.array.fill, value)]
    return slot.scatter(np.asarray(value, slot.array.dtype))


def reset_inc(group: Group, memory: Memory, dt: float) -> list[Step]:
    """Add numbers to signals."""
    slot = memory.slot([op.dst for op in group])
    return slot.accumulate(np.asarray(_values(group, slot), slot.array.dtype))


def _values(group: Any, slot: Slot) -> float | Array:
    """Return one number if all operators have the same, else those of all elements."""
    values = [op.value for op in group]
    if len(set(values)) == 1:
        return float(values[0])
    return np.repeat(values, [op.dst.size for op in group])
