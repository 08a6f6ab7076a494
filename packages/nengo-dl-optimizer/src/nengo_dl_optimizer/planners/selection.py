"""Executing operators kind by kind, as they become ready."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable
from copy import copy
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

    def copy(self) -> Pool:
        """Return a pool of its own with the same operators."""
        clone = Pool(self._candidates)
        clone._queues = {key: queue.copy() for key, queue in self._queues.items()}
        return clone


class Execution:
    """Which operators have been executed, and which ones could be next.

    Parameters
    ----------
    candidates : Candidates
        All operators.
    frontier : Frontier
        Knows in which order they can be executed; it proceeds with the execution.

    Attributes
    ----------
    n_left : dict of {int: int}
        For each kind, how many operators are still to be executed.
    """

    def __init__(self, candidates: Candidates, frontier: Frontier) -> None:
        self.n_left = dict(Counter(candidates.kinds))
        self._candidates = candidates
        self._frontier = frontier
        self._pools: dict[int, Pool] = {}  # of the kinds that are ready
        self._put(frontier.start())

    def copy(self) -> Execution:
        """Return an execution that proceeds from here on its own."""
        clone = copy(self)
        clone.n_left = self.n_left.copy()
        clone._frontier = self._frontier.copy()
        clone._pools = {kind: pool.copy() for kind, pool in self._pools.items()}
        return clone

    def n_ready(self, kind: int) -> int:
        """How many operators of a kind could be executed as a group."""
        return self._pools[kind].size if kind in self._pools else 0

    def ready_kinds(self) -> list[int]:
        """Return the kinds of which operators could be executed."""
        return list(self._pools)

    def advance(self, kind: int) -> tuple[list[int], list[int]]:
        """Execute a group of operators.

        Parameters
        ----------
        kind : int
            Their kind, one that is ready.

        Returns
        -------
        group : list of int
            The operators.
        changed : list of int
            The kinds of which more operators are ready now.
        """
        group = self._pools[kind].take()
        if not self._pools[kind].size:
            del self._pools[kind]
        self.n_left[kind] -= len(group)
        return group, self._put(self._frontier.complete(group))

    def check_complete(self) -> None:
        """Raise an error unless all operators have been executed.

        Raises
        ------
        nengo.exceptions.BuildError
            If operators wait for each other.
        """
        self._frontier.check_complete()

    def _put(self, ready: list[int]) -> list[int]:
        kinds = self._candidates.kinds
        for i in ready:
            if kinds[i] not in self._pools:
                self._pools[kinds[i]] = Pool(self._candidates)
            self._pools[kinds[i]].put(i)
        return list(dict.fromkeys(kinds[i] for i in ready))


def select_groups(
    execution: Execution, priority: Callable[[int, int], float]
) -> list[list[int]]:
    """Execute operators group by group, each time those of the most promising kind.

    Parameters
    ----------
    execution : Execution
        The operators to execute.
    priority : callable
        How promising a kind is, more than zero, given how many of its operators could
        be executed together and how many are left in all.

    Returns
    -------
    groups : list of list of int
        The groups, in execution order.
    """
    # Priorities in the heap are those at the time of entry. A kind enters again when
    # its priority changes; an entry with another priority than that is out of date.
    heap: list[tuple[float, int]] = []
    groups = []

    def rank(kind: int) -> float:
        n_ready = execution.n_ready(kind)
        return -priority(n_ready, execution.n_left[kind]) if n_ready else 0

    changed = execution.ready_kinds()
    while True:
        for kind in changed:
            heappush(heap, (rank(kind), kind))
        while heap and heap[0][0] != rank(heap[0][1]):
            heappop(heap)
        if not heap:
            break
        kind = heap[0][1]
        group, changed = execution.advance(kind)
        groups.append(group)
        if execution.n_ready(kind):
            changed.append(kind)
    execution.check_complete()
    return groups
