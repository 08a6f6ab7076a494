"""Executing operators kind by kind, as they become ready."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable
from heapq import heappop, heappush

from ..dependencies import Frontier
from ..grouping import Candidates, Group


class Pool:
    """Operators of one kind that are ready to be executed.

    Those that write the same memory queue up behind each other, as no two of them fit
    in one group: the number of queues is the size of the group that could be formed.

    Parameters
    ----------
    candidates : Candidates
        The operators.
    """

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates
        self._queues: dict[Hashable, deque[int]] = {}

    @property
    def size(self) -> int:
        """The number of operators that could be executed together."""
        return len(self._queues)

    def put(self, i: int) -> None:
        """Add an operator."""
        self._queues.setdefault(self._candidates.memory[i] or i, deque()).append(i)

    def take(self) -> list[int]:
        """Remove a group, and return its operators."""
        group = Group(self._candidates)
        for key, queue in list(self._queues.items()):
            if group.accepts(queue[0]):
                group.add(queue.popleft())
                if not queue:
                    del self._queues[key]
        return group.members


def select_groups(
    candidates: Candidates, frontier: Frontier, priority: Callable[[int, int], float]
) -> list[list[int]]:
    """Execute operators group by group, each time those of the most promising kind.

    Parameters
    ----------
    candidates : Candidates
        The operators.
    frontier : Frontier
        Knows in which order they can be executed.
    priority : callable
        How promising a kind is, more than zero, given how many of its operators could
        be executed together and how many are left in all.

    Returns
    -------
    groups : list of list of int
        The groups, in execution order.
    """
    kinds = candidates.kinds
    left = Counter(kinds)
    pools = {kind: Pool(candidates) for kind in left}
    # Priorities in the heap are those at the time of entry. A kind enters again when
    # its priority changes; an entry with another priority than that is out of date.
    heap: list[tuple[float, int]] = []
    groups = []

    def rank(kind: int) -> float:
        size = pools[kind].size
        return -priority(size, left[kind]) if size else 0

    ready = frontier.start()
    while True:
        for i in ready:
            pools[kinds[i]].put(i)
        for kind in dict.fromkeys(kinds[i] for i in ready):
            heappush(heap, (rank(kind), kind))
        while heap and heap[0][0] != rank(heap[0][1]):
            heappop(heap)
        if not heap:
            break
        kind = heap[0][1]
        group = pools[kind].take()
        groups.append(group)
        left[kind] -= len(group)
        if pools[kind].size:
            heappush(heap, (rank(kind), kind))
        ready = frontier.complete(group)
    frontier.check_complete()
    return groups
