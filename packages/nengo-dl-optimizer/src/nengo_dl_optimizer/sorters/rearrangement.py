"""The order of operators in their groups, and that of signals, in agreement."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from itertools import chain, zip_longest

from nengo.builder.operator import Operator
from nengo.builder.signal import Signal

from .io_blocks import place, shares_vectors

OperatorGroup = tuple[Operator, ...]


def sort_ops_by_signals(
    sorted_io: Sequence[tuple[OperatorGroup, int]],
    sigs: Sequence[Signal],
    sig_idxs: Mapping[Signal, int],
    new_plan: MutableMapping[OperatorGroup, OperatorGroup],
    blocks: Mapping[Signal, frozenset[int]],
    op_sigs: Mapping[Operator, Sequence[Signal]],
) -> MutableMapping[OperatorGroup, OperatorGroup]:
    """Sort the operators of each group as their signals are sorted.

    A group with several arguments can follow the order of one of them only: the blocks
    are taken in turn, and the last one, which is the largest, decides.

    Parameters
    ----------
    sorted_io : list of tuple of (Operator, int)
        The IO blocks, smaller ones first: a group of operators, and which of the
        operators' arguments the block consists of.
    sigs : list of Signal
        The signals in their order.
    sig_idxs : dict of {Signal: int}
        The place of each signal in that order.
    new_plan : dict of {tuple of Operator: tuple of Operator}
        The present order of each group's operators; it is updated.
    blocks : dict of {Signal: frozenset of int}
        The numbers of the IO blocks that each signal is part of.
    op_sigs : dict of {Operator: list of Signal}
        The signals accessed by each operator.

    Returns
    -------
    new_plan : dict of {tuple of Operator: tuple of Operator}
        The order of each group's operators.

    Notes
    -----
    Where several operators of a group access the same signal, those that are the first
    to access theirs come first, then those that are the second, and so on: the block is
    then a few pieces, each in the order of the signals. Matrix products of the same
    vector, however, are put side by side, vectors of equally many products next to each
    other (see `shares_vectors`).
    """
    for group, slot in sorted_io:
        places = {op: place(op_sigs[op][slot]) for op in group}
        ordered = sorted(
            new_plan[group],
            key=lambda op: (sig_idxs[places[op][0]], places[op][1]),
        )
        accesses: dict[tuple[Signal, int], list[Operator]] = {}
        for op in ordered:
            accesses.setdefault(places[op], []).append(op)
        if shares_vectors(group, slot):
            runs = sorted(accesses.values(), key=len)
        else:
            rounds = zip_longest(*accesses.values())
            runs = [list(filter(None, ops)) for ops in rounds]
        new_plan[group] = tuple(chain.from_iterable(runs))
    return new_plan


def sort_signals_by_ops(
    sorted_io: Sequence[tuple[OperatorGroup, int]],
    sigs: Sequence[Signal],
    sig_idxs: MutableMapping[Signal, int],
    new_plan: Mapping[OperatorGroup, OperatorGroup],
    blocks: Mapping[Signal, frozenset[int]],
    op_sigs: Mapping[Operator, Sequence[Signal]],
) -> MutableMapping[Signal, int]:
    """Sort signals as the operators that access them are sorted.

    The blocks stay where they are: signals change places only with those that are part
    of the same blocks.

    Parameters
    ----------
    sorted_io : list of tuple of (Operator, int)
        The IO blocks, smaller ones first: a group of operators, and which of the
        operators' arguments the block consists of.
    sigs : list of Signal
        The signals in their present order.
    sig_idxs : dict of {Signal: int}
        The place of each signal in that order; it is updated.
    new_plan : dict of {tuple of Operator: tuple of Operator}
        The order of each group's operators.
    blocks : dict of {Signal: frozenset of int}
        The numbers of the IO blocks that each signal is part of.
    op_sigs : dict of {Operator: list of Signal}
        The signals accessed by each operator.

    Returns
    -------
    sig_idxs : dict of {Signal: int}
        The new places.
    """
    for group, slot in sorted_io:
        exchangeable: dict[frozenset[int], dict[Signal, None]] = {}
        for op in new_plan[group]:
            signal = op_sigs[op][slot].base
            exchangeable.setdefault(blocks[signal], {})[signal] = None
        for signals in exchangeable.values():
            places = sorted(sig_idxs[signal] for signal in signals)
            sig_idxs.update(zip(signals, places, strict=True))
    return sig_idxs
