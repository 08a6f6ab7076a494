"""Making changed operators without changing the given ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy

from nengo.builder.operator import Operator
from nengo.builder.signal import Signal

from .dependencies import ACCESSES
from .extents import view_like


def substitute(
    operators: Iterable[Operator], replaced: Mapping[Signal, Signal]
) -> list[Operator]:
    """Put other signals in place of some base signals, and of views of them.

    Parameters
    ----------
    operators : iterable of Operator
        They are left as they are.
    replaced : mapping of Signal to Signal
        Base signals, and what takes their place: base signals, or views in row major
        order.

    Returns
    -------
    operators : list of Operator
        Copies of the operators that access a replaced signal, and the others
        themselves, in the same order.
    """
    made: dict[Signal, Signal] = {}

    def current(signal: Signal) -> Signal:
        if signal.base not in replaced:
            return signal
        if signal not in made:
            made[signal] = view_like(signal, replaced[signal.base])
        return made[signal]

    result = []
    for op in operators:
        if any(signal.base in replaced for signal in op.all_signals):
            op = copy(op)
            for access in ACCESSES:
                setattr(op, access, [current(signal) for signal in getattr(op, access)])
        result.append(op)
    return result
