"""What the operators of a group access in one of their places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

from nengo.builder.operator import DotInc, Operator
from nengo.builder.signal import Signal

from ..operators import DotSet
from ..tuning import LARGE_MATRIX

SignalClass = frozenset[int]
"""The numbers of the IO blocks that some signals, and no others, are in."""


@dataclass
class IOBlock:
    """What the operators of a group access in one of their places.

    Parameters
    ----------
    group : tuple of Operator
        The group, in its original order.
    number : int
        The group's position in the plan.
    slot : int
        The place, as an index of the operators' ``all_signals``.

    Attributes
    ----------
    signals : list of Signal
        The different base signals.
    size : int
        Number of elements.
    has_views : bool
        Whether some operators access views.
    repeats : bool
        Whether several operators access the same signal, so that the block is in pieces
        whatever the order of the signals is.
    shares : bool
        Whether these are vectors that several products of the group multiply, see
        `shares_vectors`.
    n_fixed, n_open : int
        The number of signals whose order is fixed, and the number of classes with the
        others.
    """

    group: tuple[Operator, ...]
    number: int
    slot: int
    signals: list[Signal] = field(init=False)
    size: int = field(init=False)
    has_views: bool = field(init=False)
    repeats: bool = field(init=False)
    shares: bool = field(init=False)
    n_fixed: int = field(init=False, default=0)
    n_open: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        accessed = [op.all_signals[self.slot] for op in self.group]
        self.signals = list(dict.fromkeys(signal.base for signal in accessed))
        self.size = sum(signal.size for signal in accessed)
        self.has_views = any(signal.is_view for signal in accessed)
        self.repeats = len(self.signals) < len(accessed) and not self.has_views
        self.shares = shares_vectors(self.group, self.slot)

    @property
    def determined(self) -> float:
        """How far the order of the operators follows from that of the signals."""
        if self.shares:
            return inf
        if self.repeats:
            return 0.0
        if len(self.signals) == 1:
            return float(self.has_views)
        known = self.n_fixed + self.n_open
        return known / len(self.signals) if known > 1 else 0.0


def place(signal: Signal) -> tuple[Signal, int]:
    """Return where a signal begins: equal for signals of a group that are the same."""
    return signal.base, signal.offset


def shares_vectors(group: Sequence[Operator], slot: int) -> bool:
    """Whether products of a group with large matrices share vectors in this place.

    Side by side, the matrices of a vector are one matrix of more rows, and one product
    does for them. That is worth more than any other order, unless they increment the
    same signals: then their results would have to be scattered.
    """
    first = group[0]
    if (
        type(first) not in (DotInc, DotSet)
        or first.all_signals[slot] is not first.X
        or first.A.size < LARGE_MATRIX
    ):
        return False
    n_vectors, n_results = (
        len({place(op.all_signals[i]) for op in group})
        for i in (slot, first.all_signals.index(first.Y))
    )
    return n_vectors < n_results == len(group)


def io_blocks(groups: Sequence[tuple[Operator, ...]]) -> list[IOBlock]:
    """Return the IO blocks of all groups of several operators.

    Those of a single operator are in one piece, whatever the order is.
    """
    return [
        IOBlock(group, number, slot)
        for number, group in enumerate(groups)
        if len(group) > 1
        for slot in range(len(group[0].all_signals))
    ]


def signal_classes(
    signals: Iterable[Signal], io: Sequence[IOBlock]
) -> dict[Signal, SignalClass]:
    """Return for each signal the numbers of the IO blocks that it is in.

    Those in which signals repeat do not count.
    """
    numbers: dict[Signal, list[int]] = {signal: [] for signal in signals}
    for number, block in enumerate(io):
        if not block.repeats:
            for signal in block.signals:
                numbers[signal].append(number)
    return {signal: frozenset(members) for signal, members in numbers.items()}
