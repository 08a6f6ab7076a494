"""Signals and operators in an order in which groups find theirs in one piece.

An IO block is what the operators of a group access in one of their places: the matrices
of a group of products, for example, or their results. A group works best if each of
its IO blocks is one piece of memory, in the order of the operators. For that many
orders have to agree, but each of them is determined by the others only in part:

* Which signals are side by side is decided first, for all IO blocks (`hamming_sort`).
  That leaves open the order among signals that are in the very same IO blocks. Such
  signals make up a class.
* The operators of a group can follow the order of the signals in one of its IO blocks
  (`sort_ops_by_signals`).
* The classes in its other IO blocks can then follow the operators
  (`sort_signals_by_ops`). From then on the order within these classes is fixed.

So the groups are taken one by one. Next is always the one with the IO block whose order
is determined most, by fixed signals and by different classes. Of those equal in that,
the smallest one comes first, because a large group can follow several small ones, each
in a part of it, but not the other way round. Where a group has several IO blocks whose
orders are in conflict, it follows the one that is determined most, then the largest.
Before all others come groups of matrix products that have vectors in common: such
products are put side by side (`shares_vectors`). The order of the vectors themselves is
left to other groups; these products follow it in the next pass. What this gives up is
to resolve a conflict in one group by another order in others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush

from nengo.builder.operator import Operator
from nengo.builder.signal import Signal

from ..protocols import Plan
from .hamming import hamming_sort
from .io_blocks import IOBlock, SignalClass, io_blocks, signal_classes
from .noop import noop_order_signals
from .rearrangement import sort_ops_by_signals, sort_signals_by_ops


def order_signals(plan: Plan, n_passes: int = 10) -> tuple[list[Signal], Plan]:
    """Order signals and operators so that groups read and write in one piece.

    Parameters
    ----------
    plan : list of tuple of Operator
        The groups of operators, as a planner returns them.
    n_passes : int
        How often the two orders are adapted to each other at most: until nothing
        changes.

    Returns
    -------
    signals : list of Signal
        The base signals of all operators, in order.
    plan : list of tuple of Operator
        The plan, with operators reordered within their groups.
    """
    groups = [tuple(group) for group in plan]
    new_plan = {group: group for group in groups}
    op_sigs = {op: op.all_signals for group in groups for op in group}
    io = io_blocks(groups)
    blocks = signal_classes(noop_order_signals(groups)[0], io)
    sigs = hamming_sort(blocks)
    for _ in range(n_passes):
        before = sigs, list(new_plan.values())
        sigs = _reorder(io, blocks, sigs, new_plan, op_sigs)
        if before == (sigs, list(new_plan.values())):
            break
    return sigs, [new_plan[group] for group in groups]


def _reorder(
    io: Sequence[IOBlock],
    blocks: Mapping[Signal, SignalClass],
    sigs: list[Signal],
    new_plan: dict[tuple[Operator, ...], tuple[Operator, ...]],
    op_sigs: Mapping[Operator, Sequence[Signal]],
) -> list[Signal]:
    """Take the groups one by one, and bring operators and signals into one order.

    Returns
    -------
    sigs : list of Signal
        The signals in their new order; ``new_plan`` is updated.
    """
    sig_idxs = {signal: i for i, signal in enumerate(sigs)}
    unordered = _Unordered(io, blocks, sigs, sig_idxs)
    parts: dict[int, list[IOBlock]] = {}
    for block in io:
        parts.setdefault(block.number, []).append(block)

    def rank(number: int) -> tuple[float, int, int]:
        determined, size = max((b.determined, b.size) for b in parts[number])
        return -determined, size, number

    # A group enters again when more of its order is determined; an entry with another
    # rank than the group's is out of date.
    heap = [rank(number) for number in parts]
    heapify(heap)
    while heap:
        *_, number = entry = heappop(heap)
        if number not in parts or entry != rank(number):
            continue
        own = sorted(parts.pop(number), key=lambda b: (b.determined, b.size))
        for block in own:
            slots = [(block.group, block.slot)]
            places = sig_idxs if block.shares else unordered.places
            sort_ops_by_signals(slots, sigs, places, new_plan, blocks, op_sigs)
        for block in reversed(own):
            if block.repeats:
                continue
            slots = [(block.group, block.slot)]
            sort_signals_by_ops(
                slots, sigs, sig_idxs, new_plan, unordered.blocks, op_sigs
            )
            for other in unordered.fix(block):
                if other in parts:
                    heappush(heap, rank(other))
    return sorted(sigs, key=sig_idxs.__getitem__)


class _Unordered:
    """The classes of signals whose order is still open.

    Signals in a class of their own are in order already, and so are those of which
    operators access views, as these operators should stay together.

    Parameters
    ----------
    io : sequence of IOBlock
        All IO blocks. They are told how much of their order is fixed.
    blocks : dict of {Signal: SignalClass}
        The class of each signal.
    sigs : list of Signal
        All signals in order.
    sig_idxs : dict of {Signal: int}
        The place of each signal.

    Attributes
    ----------
    blocks : dict of {Signal: frozenset of int}
        The class of each signal, but signals that are in order are in classes of their
        own: they do not change places with any other.
    places : dict of {Signal: int}
        The place of each signal, but the same place for all signals of an open class:
        operators should not follow an order that is still open.
    """

    def __init__(
        self,
        io: Sequence[IOBlock],
        blocks: Mapping[Signal, SignalClass],
        sigs: Sequence[Signal],
        sig_idxs: Mapping[Signal, int],
    ) -> None:
        self._sig_idxs = sig_idxs
        self.blocks = {signal: frozenset({~i}) for signal, i in sig_idxs.items()}
        self.places = dict(sig_idxs)
        viewed = {s for block in io if block.has_views for s in block.signals}
        members: dict[SignalClass, list[Signal]] = {}
        for signal in sigs:
            members.setdefault(blocks[signal], []).append(signal)
        self._members = {
            signal_class: signals
            for signal_class, signals in members.items()
            if len(signals) > 1 and viewed.isdisjoint(signals)
        }
        for signal_class, signals in self._members.items():
            self.blocks.update(dict.fromkeys(signals, signal_class))
            self.places.update(dict.fromkeys(signals, sig_idxs[signals[0]]))
        self._users: dict[SignalClass, list[IOBlock]] = {c: [] for c in self._members}
        for block in io:
            found = self._classes(block)
            block.n_open = len(found)
            block.n_fixed = len(block.signals) - sum(
                len(self._members[c]) for c in found
            )
            for signal_class in found:
                self._users[signal_class].append(block)

    def _classes(self, block: IOBlock) -> list[SignalClass]:
        found = dict.fromkeys(self.blocks[signal] for signal in block.signals)
        return [signal_class for signal_class in found if signal_class in self._members]

    def fix(self, block: IOBlock) -> list[int]:
        """Take the order of an IO block's signals as final.

        Returns
        -------
        numbers : list of int
            The groups of which more is determined now.
        """
        numbers: dict[int, None] = {}
        for signal_class in self._classes(block):
            signals = self._members.pop(signal_class)
            for signal in signals:
                self.places[signal] = self._sig_idxs[signal]
                self.blocks[signal] = frozenset({~self._sig_idxs[signal]})
            for user in self._users[signal_class]:
                user.n_open -= 1
                user.n_fixed += len(signals)
                numbers[user.number] = None
        return list(numbers)
