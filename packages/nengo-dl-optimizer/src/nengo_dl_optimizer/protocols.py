"""The functions that make up the pipeline, by their types.

All of them may be written against plain sequences of operators. What they are given is
an `OperatorGraph`, which is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nengo.builder.operator import Operator
from nengo.builder.signal import Signal

Plan = Sequence[tuple[Operator, ...]]


class Simplification(Protocol):
    """Rewrites operators without changing what they compute."""

    def __call__(self, operators: Sequence[Operator], /) -> Sequence[Operator]:
        """Return other operators that do the same; must not change the given ones."""


class Planner(Protocol):
    """Groups operators and orders the groups."""

    def __call__(self, operators: Sequence[Operator], /) -> Plan:
        """Return groups of mergeable operators in execution order."""


class Sorter(Protocol):
    """Orders signals in memory, and operators within their groups."""

    def __call__(self, plan: Plan, /) -> tuple[Sequence[Signal], Plan]:
        """Return all base signals in order, and the groups with operators in order."""
