"""Operators by the steps that they make themselves."""

from __future__ import annotations

from ..memory import Memory, Step
from .makers import Group, per_item


@per_item
def own_steps(group: Group, memory: Memory, dt: float) -> list[Step]:
    """Let each operator make its step, over live views of its signals.

    It is for operators that draw no random numbers.
    """
    return [op.make_step(memory, dt, None) for op in group]


def nothing(group: Group, memory: Memory, dt: float) -> list[Step]:
    """Do nothing, as `nengo.builder.probe.SimProbe` does."""
    return []
