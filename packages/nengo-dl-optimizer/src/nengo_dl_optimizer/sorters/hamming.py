"""Signals of the same operators side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Set
from math import inf
from typing import TypeVar

SignalType = TypeVar("SignalType", bound=Hashable)


def hamming_sort(blocks: Mapping[SignalType, Set[int]]) -> list[SignalType]:
    """Put the signals of each block side by side, as far as other blocks allow.

    The larger a block, the more its order counts.

    Parameters
    ----------
    blocks : dict of {Signal: set of int}
        The numbers of the IO blocks that each signal is part of.

    Returns
    -------
    signals : list of Signal
        The signals in their new order. Those that are part of the same blocks keep
        the order in which they were given.

    Notes
    -----
    The blocks of a signal are a row of bits, the one of the largest block first. The
    rows are brought into the order of a reflected Gray code [1]_. There the largest
    block is in one piece. The second one is in one piece as well: inside of the first
    block it comes last, and outside of it comes first. Each further block has as few
    pieces as the ones before it allow. As opposed to always searching for the signal
    with the smallest Hamming distance to the last one, this takes a single sort.

    References
    ----------
    .. [1] D. E. Knuth, *The Art of Computer Programming*, volume 4A, section 7.2.1.1.

    Examples
    --------
    >>> from nengo_dl_optimizer import hamming_sort
    >>> hamming_sort({"a": {1}, "b": {0}, "c": {0, 1}, "d": {0}})
    ['b', 'd', 'c', 'a']
    """
    sizes = Counter(block for members in blocks.values() for block in members)
    rank = {block: i for i, (block, _) in enumerate(sizes.most_common())}
    keys = {
        members: _gray_key(sorted(rank[block] for block in members))
        for members in map(frozenset, blocks.values())
    }
    return sorted(blocks, key=lambda signal: keys[frozenset(blocks[signal])])


def _gray_key(ones: list[int]) -> tuple[float, ...]:
    """Return what sorts rows of bits into the order of a reflected Gray code.

    Parameters
    ----------
    ones : list of int
        The positions of the ones in a row, in ascending order.

    Notes
    -----
    Of two rows that first differ in some position, the one with a one there comes first
    if an even number of ones precede that position, else last: the code is reflected at
    each one. So the positions count alternately upwards and downwards. Where the ones
    of a row end, its next one is infinitely far away.
    """
    return tuple(
        -one if i % 2 else one for i, one in enumerate([*map(float, ones), inf])
    )
