"""Which groups of operators wait for which, while groups are formed and dissolved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..dependencies import cycle_error
from ..graph import OperatorGraph


class GroupGraph:
    """Groups of operators, and which of them wait for which.

    Nodes are numbers. An operator that is in no group is the node of its own index;
    groups get new numbers. Some nodes stand for signals, with the operators that write
    them before and those that read them after, where that takes fewer edges than to
    link the operators directly.

    Parameters
    ----------
    graph : OperatorGraph
        All operators of a model; none is in a group at first.

    Attributes
    ----------
    members : dict of {int: list of int}
        The operators of each node; empty if it stands for a signal.
    earlier, later : dict of {int: set of int}
        For each node, those that it waits for, and those that wait for it.
    """

    def __init__(self, graph: OperatorGraph) -> None:
        successors = graph.dependencies.successors
        later = {node: set(nodes) for node, nodes in enumerate(successors)}
        earlier: dict[int, set[int]] = {node: set() for node in later}
        for node, nodes in later.items():
            for other in nodes:
                earlier[other].add(node)
        for node in range(len(graph), len(successors)):
            if len(earlier[node]) <= 1 or len(later[node]) <= 1:
                _bridge(node, earlier, later)
        self.members = {node: [node] if node < len(graph) else [] for node in later}
        self.earlier = earlier
        self.later = later
        # What the nodes of single operators wait for, and what waits for those.
        self._earlier_single = {node: tuple(nodes) for node, nodes in earlier.items()}
        self._later_single = {node: tuple(nodes) for node, nodes in later.items()}
        self._node_of = {node: node for node in later}
        self._next = len(successors)

    @property
    def size(self) -> int:
        """The number of nodes and edges."""
        return len(self.members) + sum(map(len, self.later.values()))

    def order(self) -> list[int]:
        """Return all nodes, each after those that it waits for.

        Raises
        ------
        nengo.exceptions.BuildError
            If operators wait for each other.
        """
        n_awaited = {node: len(nodes) for node, nodes in self.earlier.items()}
        order = [node for node, n in n_awaited.items() if n == 0]
        for node in order:  # grows as it goes
            for other in self.later[node]:
                n_awaited[other] -= 1
                if n_awaited[other] == 0:
                    order.append(other)
        if len(order) < len(self.members):
            n_operators = sum(map(len, self.members.values()))
            n_ordered = sum(len(self.members[node]) for node in order)
            raise cycle_error(n_operators - n_ordered, n_operators)
        return order

    def merge(self, operators: Sequence[int]) -> int:
        """Make a group of operators that are in none, and return its node.

        None of them may wait for another, not even by way of other groups.
        """
        group = self._next
        self._next += 1
        self.members[group] = list(operators)
        self.earlier[group] = set()
        self.later[group] = set()
        for node in operators:
            self._node_of[node] = group
            del self.members[node]
            for near, far in ((self.earlier, self.later), (self.later, self.earlier)):
                for other in near.pop(node):
                    far[other].remove(node)
                    far[other].add(group)
                    near[group].add(other)
        return group

    def split(self, group: int) -> list[int]:
        """Dissolve a group, and return its operators."""
        operators = self.members.pop(group)
        for near, far in ((self.earlier, self.later), (self.later, self.earlier)):
            for other in near.pop(group):
                far[other].remove(group)
        for node in operators:
            self._node_of[node] = node
            self.members[node] = [node]
            self.earlier[node] = self._current(self._earlier_single[node])
            self.later[node] = self._current(self._later_single[node])
            for other in self.earlier[node]:
                self.later[other].add(node)
            for other in self.later[node]:
                self.earlier[other].add(node)
        return operators

    def split_all(self) -> None:
        """Dissolve all groups."""
        for node in [node for node in self.members if node not in self._node_of]:
            self.split(node)

    def _current(self, nodes: Iterable[int]) -> set[int]:
        return {self._node_of[node] for node in nodes}


def _bridge(
    node: int, earlier: dict[int, set[int]], later: dict[int, set[int]]
) -> None:
    """Remove a node, and link those before it to those after it."""
    before, after = earlier.pop(node), later.pop(node)
    for other in before:
        later[other].remove(node)
        later[other] |= after
    for other in after:
        earlier[other].remove(node)
        earlier[other] |= before
