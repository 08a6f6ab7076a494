"""Groups as deep as the longest chain of operators of one kind, and no deeper.

How few groups can the operators of one kind form, if all other groups are given? No
fewer than there are in the longest chain of such operators that depend on each other.
As few are also enough: put those that none of their kind comes before into a first
layer, those that only such come before into a second, and so on. Within a layer no
operator depends on another, and from layer to layer dependencies go only forward, so
each layer can be made a group.

That suggests a descent: take a plan, dissolve all groups of one kind, and put these
operators into layers; then those of the next kind. The number of groups never grows.
The layers are counted from the first operators in one sweep over all kinds and from the
last ones in the next, which moves operators that have a choice and so makes room for
others. Few sweeps bring no more gain. As the result depends on the beginning, there are
two: always next the kind of which the largest share is ready, and the same from the end
backwards.

On random graphs small enough to find the fewest groups by exhaustive search, this finds
as few to within one percent, where always choosing the largest group takes more than 15
percent more (both in tests/test_planners.py). It takes time linear in the size of the
graph for each sweep, plus the number of kinds times that of groups, which is small
unless operators are of thousands of kinds; the latter part is bounded, and the smallest
kinds are left as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from nengo.builder.operator import Operator

from ..dependencies import Frontier
from ..graph import OperatorGraph
from ..grouping import Candidates, Group, Memory
from .group_graph import GroupGraph
from .selection import Execution, select_groups

_MAX_SWEEPS = 8
# The work that all sweeps together may take, as a multiple of the size of the graph.
_MAX_PASSES = 16


def layered_planner(operators: Sequence[Operator]) -> list[tuple[Operator, ...]]:
    """Plan by putting the operators of each kind into layers.

    Gives plans of close to the fewest possible groups, in a time that is about linear
    in the number of operators.

    Parameters
    ----------
    operators : sequence of Operator
        All operators in a model, in any order.

    Returns
    -------
    plan : list of tuple of Operator
        The groups, each after those whose results it needs.

    Raises
    ------
    nengo.exceptions.BuildError
        If operators wait for each other.
    """
    graph = OperatorGraph.of(operators)
    candidates = Candidates(graph)
    group_graph = GroupGraph(graph)
    successors = graph.dependencies.successors
    plans = []
    for nodes in (successors, _reversed(successors)):
        groups = select_groups(
            Execution(candidates, Frontier(nodes, len(graph))),
            priority=lambda n_ready, n_left: n_ready / n_left,
        )
        plans.append(_descend(candidates, group_graph, groups))
    return [tuple(graph[i] for i in group) for group in min(plans, key=len)]


def _reversed(successors: Sequence[Iterable[int]]) -> list[list[int]]:
    predecessors: list[list[int]] = [[] for _ in successors]
    for node, nodes in enumerate(successors):
        for other in nodes:
            predecessors[other].append(node)
    return predecessors


def _descend(
    candidates: Candidates, group_graph: GroupGraph, groups: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Reduce the number of groups by layering kind after kind."""
    kinds = candidates.kinds
    work_left = _MAX_PASSES * group_graph.size
    group_graph.split_all()
    nodes_of: dict[int, list[int]] = {}
    for group in groups:
        nodes_of.setdefault(kinds[group[0]], []).append(group_graph.merge(group))
    by_size = Counter(kinds).most_common()
    idle_sweeps = 0
    for sweep in range(_MAX_SWEEPS):
        idle_sweeps += 1
        for kind, size in by_size:
            nodes = nodes_of[kind]
            if len(nodes) == 1 or work_left < 0:
                continue
            work_left -= len(group_graph.members) + size
            nodes_of[kind] = _regroup(candidates, group_graph, nodes, sweep % 2 == 0)
            if len(nodes_of[kind]) < len(nodes):
                idle_sweeps = 0
        if idle_sweeps == 2:
            break
    return [
        sorted(group_graph.members[node])
        for node in group_graph.order()
        if group_graph.members[node]
    ]


def _regroup(
    candidates: Candidates, group_graph: GroupGraph, nodes: Sequence[int], late: bool
) -> list[int]:
    """Put the operators of one kind into layers instead of the groups they are in."""
    groups = [group_graph.split(node) for node in nodes]
    layers = _layers(candidates, group_graph, {i for g in groups for i in g}, late)
    if len(layers) > len(groups):  # which happens if operators write the same memory
        layers = groups
    return [group_graph.merge(layer) for layer in layers]


def _layers(
    candidates: Candidates, group_graph: GroupGraph, operators: set[int], late: bool
) -> list[list[int]]:
    """Put operators into layers, each into the first (or last) that it fits in."""
    order = group_graph.order()
    onward = group_graph.later
    if late:
        order.reverse()
        onward = group_graph.earlier
    layers: list[Group] = []
    depths = dict.fromkeys(order, 0)  # how many layers lie before each node
    free: dict[Memory, int] = {}  # the first layer that does not write some memory
    for node in order:
        depth = depths[node]
        if node in operators:
            memory = candidates.memory[node]
            if memory:
                depth = max(depth, free.get(memory, 0))
            while depth < len(layers) and not layers[depth].accepts(node):
                depth += 1
            if depth == len(layers):
                layers.append(Group(candidates))
            layers[depth].add(node)
            depth += 1
            free[memory] = depth
        for other in onward[node]:
            if depths[other] < depth:
                depths[other] = depth
    return [layer.members for layer in layers]
