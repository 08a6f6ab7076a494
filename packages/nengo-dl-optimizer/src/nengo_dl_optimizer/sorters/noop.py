"""No sorting."""

from __future__ import annotations

from typing import Any

from nengo.builder.signal import Signal

from ..protocols import Plan


def noop_order_signals(plan: Plan, **_: Any) -> tuple[list[Signal], Plan]:
    """Leave signals and operators in the order in which they come, for debugging.

    Parameters
    ----------
    plan : list of tuple of Operator
        The groups of operators.

    Returns
    -------
    signals : list of Signal
        The base signals of all operators, in order of their first use.
    plan : list of tuple of Operator
        The plan as it is.
    """
    return list(
        dict.fromkeys(
            signal.base for group in plan for op in group for signal in op.all_signals
        )
    ), plan
