"""The order in which operators must be executed.

Within a step, a piece of memory is first set, then incremented, then read, then
updated (see `nengo.builder.Operator`). Linking each reader of a signal to each of its
writers takes as many edges as there are such pairs. Here every piece of memory has
three nodes instead that stand for "all set", "all incremented" and "all read", and the
operators are linked to those, so that the number of edges stays near the number of
signals that operators name.

Pieces are what the extents of a base signal's views cut it into. An extent of several
pieces gets a node of its own that gathers them, so that a thousand operators that read
the whole of a signal of a thousand pieces are two thousand edges and not a million.

Operators that have a ``turn`` (see `PythonCall`) wait for the one before them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from copy import copy
from enum import IntEnum
from itertools import pairwise

from nengo.builder.operator import Operator
from nengo.builder.signal import Signal
from nengo.exceptions import BuildError

from .extents import extent


class _Stage(IntEnum):
    """What has been done to a piece of memory."""

    SET = 0
    INCREMENTED = 1
    READ = 2


# How operators access signals: for each way, the stage it waits for, and the stage that
# waits for it.
ACCESSES: dict[str, tuple[_Stage | None, _Stage | None]] = {
    "sets": (None, _Stage.SET),
    "incs": (_Stage.SET, _Stage.INCREMENTED),
    "reads": (_Stage.INCREMENTED, _Stage.READ),
    "updates": (_Stage.READ, None),
}


class DependencyGraph:
    """Which operators wait for which.

    Nodes are numbers: operator ``i`` of the sequence is node ``i``, the stages of
    signals follow.

    Parameters
    ----------
    operators : sequence of Operator
        All operators of a model, in any order.

    Attributes
    ----------
    successors : list of list of int
        The nodes that wait for each node.
    """

    def __init__(self, operators: Sequence[Operator]) -> None:
        self.successors: list[list[int]] = [[] for _ in operators]
        accesses: dict[Signal, dict[tuple[int, int], list[tuple[int, str]]]] = {}
        for i, op in enumerate(operators):
            for access in ACCESSES:
                for signal in getattr(op, access):
                    start, stop = extent(signal)
                    if start < stop:
                        extents = accesses.setdefault(signal.base, {})
                        extents.setdefault((start, stop), []).append((i, access))
        for extents in accesses.values():
            if any(
                access != "reads" for users in extents.values() for _, access in users
            ):
                self._link(extents)
        in_turn = sorted(
            (op.turn, i) for i, op in enumerate(operators) if hasattr(op, "turn")
        )
        for (_, i), (_, j) in pairwise(in_turn):
            self.successors[i].append(j)

    def _add_node(self) -> int:
        self.successors.append([])
        return len(self.successors) - 1

    def _link(self, extents: dict[tuple[int, int], list[tuple[int, str]]]) -> None:
        """Link the operators that access one base signal."""
        cuts = sorted({cut for extent in extents for cut in extent})
        pieces = [[self._add_node() for _ in _Stage] for _ in cuts[1:]]
        for set_, incremented, read in pieces:
            self.successors[set_].append(incremented)
            self.successors[incremented].append(read)
        for (start, stop), users in extents.items():
            span = pieces[bisect_left(cuts, start) : bisect_left(cuts, stop)]
            for access in dict.fromkeys(access for _, access in users):
                self._link_span(span, access, [i for i, a in users if a == access])

    def _link_span(
        self, span: list[list[int]], access: str, operators: list[int]
    ) -> None:
        awaited, awaiting = ACCESSES[access]
        if awaited is not None:
            before = [stages[awaited] for stages in span]
            source = before[0] if len(before) == 1 else self._add_node()
            if len(before) > 1:
                for node in before:
                    self.successors[node].append(source)
            self.successors[source].extend(operators)
        if awaiting is not None:
            after = [stages[awaiting] for stages in span]
            target = after[0] if len(after) == 1 else self._add_node()
            if len(after) > 1:
                self.successors[target].extend(after)
            for i in operators:
                self.successors[i].append(target)


class Frontier:
    """The operators that could be executed next, as execution proceeds.

    Parameters
    ----------
    successors : sequence of collections of int
        The nodes that wait for each node, see `DependencyGraph`.
    n_operators : int
        The first node that is not an operator.
    """

    def __init__(self, successors: Sequence[Collection[int]], n_operators: int) -> None:
        self._successors = successors
        self._n_operators = n_operators
        self._waiting_for = [0] * len(self._successors)
        for nodes in successors:
            for node in nodes:
                self._waiting_for[node] += 1
        self._n_left = self._n_operators

    def copy(self) -> Frontier:
        """Return a frontier that proceeds from here on its own."""
        clone = copy(self)
        clone._waiting_for = self._waiting_for.copy()
        return clone

    def start(self) -> list[int]:
        """Return the operators that wait for nothing, in ascending order."""
        free = [node for node, n in enumerate(self._waiting_for) if n == 0]
        virtual = [node for node in free if node >= self._n_operators]
        ready = [node for node in free if node < self._n_operators]
        return sorted(ready + self._release(virtual))

    def complete(self, operators: Iterable[int]) -> list[int]:
        """Return those operators that waited for nothing but the given ones."""
        done = list(operators)
        self._n_left -= len(done)
        return sorted(self._release(done))

    def check_complete(self) -> None:
        """Raise an error unless all operators have been executed.

        Raises
        ------
        nengo.exceptions.BuildError
            If operators wait for each other.
        """
        if self._n_left:
            raise cycle_error(self._n_left, self._n_operators)

    def _release(self, done: list[int]) -> list[int]:
        ready: list[int] = []
        while done:
            for node in self._successors[done.pop()]:
                self._waiting_for[node] -= 1
                if self._waiting_for[node] == 0:
                    (ready if node < self._n_operators else done).append(node)
        return ready


def cycle_error(n_waiting: int, n_operators: int) -> BuildError:
    """Return the error that says that operators wait for each other."""
    return BuildError(
        f"{n_waiting} of {n_operators} operators wait for each other: the graph has a "
        "cycle. Usually too many connections have no synapse; set more synapses to 0 "
        "instead of None."
    )
