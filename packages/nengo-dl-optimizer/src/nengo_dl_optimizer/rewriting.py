"""Making changed operators without changing the given ones."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

from nengo.builder.operator import Operator
from nengo.builder.signal import Signal

from .extents import view_like

ACCESSES = ("sets", "incs", "reads", "updates")


def with_signals(op: Operator, **accesses: list[Signal]) -> Operator:
    """Copy an operator, with other signals in the given places.

    Parameters
    ----------
    op : Operator
        The operator to copy; it is left as it is.
    **accesses : list of Signal
        New values of ``sets``, ``incs``, ``reads`` or ``updates``.
    """
    clone = copy.copy(op)
    for access in ACCESSES:
        setattr(clone, access, accesses.get(access, list(getattr(op, access))))
    return clone


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
            op = with_signals(
                op,
                **{
                    access: [current(signal) for signal in getattr(op, access)]
                    for access in ACCESSES
                },
            )
        result.append(op)
    return result
