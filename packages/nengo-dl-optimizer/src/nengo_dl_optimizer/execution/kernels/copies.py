"""Copies: `nengo.builder.operator.Copy`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from nengo.builder.signal import Signal

from ..memory import Array, Memory, Slot, Step
from .makers import Group, alike
from .own_steps import own_steps


def copy(group: Group, memory: Memory, dt: float) -> list[Step]:
    """Copy or add elements, all at once."""
    steps: list[Step] = []
    for ops in alike(group, _kind):
        inc, is_plain = _kind(ops[0])
        source = _slot(memory, [(op.src, op.src_slice) for op in ops])
        target = _slot(memory, [(op.dst, op.dst_slice) for op in ops])
        if not is_plain or source.array.dtype != target.array.dtype:
            steps += own_steps(ops, memory, dt)
        elif inc:
            steps += [*source.load, *target.accumulate(source.array)]
        elif source.is_view:
            steps += target.scatter(source.array)
        elif target.is_view and source.array.shape == target.array.shape:
            steps += source.gather(target.array)
        else:
            steps += [*source.load, *target.scatter(source.array)]
    return steps


def _kind(op: Any) -> tuple[bool, bool]:
    """Whether it adds, and whether each element read goes to another one."""
    if op.src_slice is op.dst_slice is None:
        return op.inc, op.src.size == op.dst.size
    source = _chosen([(op.src, op.src_slice)])
    target = _chosen([(op.dst, op.dst_slice)])
    return op.inc, len(source) == len(target) == len(np.unique(target))


def _slot(memory: Memory, signals: Sequence[tuple[Signal, Any]]) -> Slot:
    whole = [signal for signal, _ in signals]
    if all(chosen is None for _, chosen in signals):
        return memory.slot(whole)
    return memory.elements(whole, _chosen(signals))


def _chosen(signals: Sequence[tuple[Signal, Any]]) -> Array:
    """Return which elements are copied, of all signals' elements in a row."""
    first = 0
    found = []
    for signal, chosen in signals:
        numbers = np.arange(first, first + signal.size).reshape(signal.shape)
        found.append(numbers[... if chosen is None else chosen].ravel())
        first += signal.size
    return np.concatenate(found)
