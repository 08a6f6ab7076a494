"""Products of elements: `nengo.builder.operator.ElementwiseInc`, `ElementwiseSet`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from nengo.builder.signal import Signal

from ...operators import ElementwiseSet
from ..memory import Array, Memory, Step
from .makers import Group, alike, shapes
from .own_steps import own_steps


def product(group: Group, memory: Memory, dt: float) -> list[Step]:
    """Multiply all elements of a group at once, with broadcasting for each operator."""
    if all(_is_plain(op) for op in group):
        parts = [list(group)]
    else:
        parts = alike(group, shapes)
    return [step for ops in parts for step in _product(ops, memory, dt)]


def _is_plain(op: Any) -> bool:
    return op.A.shape == op.X.shape == op.Y.shape


def _product(ops: list[Any], memory: Memory, dt: float) -> list[Step]:
    first = ops[0]
    shape = np.broadcast(first.A.initial_value, first.X.initial_value).shape
    types = {memory.dtype(signal) for signal in first.all_signals}
    if shape != first.Y.shape or len(types) > 1:
        return list(own_steps(ops, memory, dt))
    y = memory.slot([op.Y for op in ops])
    is_plain = all(_is_plain(op) for op in ops)
    target = y.array if is_plain else y.shaped(len(ops), *shape)
    a, load_a = _factor([op.A for op in ops], memory, first, is_plain)
    x, load_x = _factor([op.X for op in ops], memory, first, is_plain)
    load = [*load_a, *load_x]
    if type(first) is ElementwiseSet:
        return [*load, partial(np.multiply, a, x, target), *y.store]
    increment = np.zeros_like(target)
    multiply = partial(np.multiply, a, x, increment)
    return [*load, multiply, *y.accumulate(increment.reshape(y.array.shape))]


def _factor(
    signals: Sequence[Signal], memory: Memory, first: Any, is_plain: bool
) -> tuple[Array, list[Step]]:
    """Return a factor of all operators, ready for broadcasting, and how it is read."""
    if is_plain:
        slot = memory.slot(signals)
        return slot.array, slot.load
    signal = signals[0]
    if all(other is signal for other in signals):
        signals = signals[:1]
    slot = memory.slot(signals)
    missing = (1,) * (first.Y.ndim - signal.ndim)
    return slot.shaped(len(signals), *missing, *signal.shape), slot.load
