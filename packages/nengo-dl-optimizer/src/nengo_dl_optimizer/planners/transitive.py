"""Groups by the transitive closure of what depends on what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, MutableMapping, Sequence

from nengo.builder.operator import Operator

from ..graph import OperatorGraph
from ..grouping import Candidates, Group
from .group_graph import GroupGraph


def transitive_planner(op_list: Sequence[Operator]) -> list[tuple[Operator, ...]]:
    """Plan kind by kind, with the transitive closure of the dependencies.

    Beginning with the kind of most operators, the closure tells which of them depend on
    each other, by any way through the graph; those that do not are merged. There are
    mostly fewer groups than `greedy_planner` makes, at the cost of a longer build,
    though not as long as with `tree_planner`. (`layered_planner` gives plans of no more
    groups in most cases, and does not construct the closure.)

    Parameters
    ----------
    op_list : sequence of Operator
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
    graph = OperatorGraph.of(op_list)
    candidates = Candidates(graph)
    groups = GroupGraph(graph)
    for kind, size in Counter(candidates.kinds).most_common():
        if size > 1:
            for group in _merged(candidates, groups, kind):
                groups.merge(group)
    return [
        tuple(graph[i] for i in sorted(groups.members[node]))
        for node in groups.order()
        if groups.members[node]
    ]


def _merged(candidates: Candidates, groups: GroupGraph, kind: int) -> list[list[int]]:
    """Put the operators of a kind into groups, each into the first that it may join."""
    order = groups.order()
    operators = [
        node
        for node in order
        if node < len(candidates) and candidates.kinds[node] == kind
    ]
    kinds = {
        node: candidates.kinds[members[0]] if members else None
        for node, members in groups.members.items()
    }
    dependents: dict[int, set[int]] = {}
    transitive_closure_recurse(groups.later, operators, dependents, kind, kinds, {})
    found: list[Group] = []
    earliest = dict.fromkeys(operators, 0)
    for i in operators:
        position = earliest[i]
        while position < len(found) and not found[position].accepts(i):
            position += 1
        if position == len(found):
            found.append(Group(candidates))
        found[position].add(i)
        for other in dependents[i]:
            earliest[other] = max(earliest[other], position + 1)
    return [group.members for group in found]


def transitive_closure_recurse(
    dg: Mapping[int, set[int]],
    ops: Iterable[int],
    trans: MutableMapping[int, set[int]],
    builder_type: Hashable,
    builder_types: Sequence[Hashable] | Mapping[int, Hashable],
    cache: MutableMapping[frozenset[int], set[int]],
) -> None:
    """Find all operators of one kind that depend on others, directly or not.

    Parameters
    ----------
    dg : dict of {int: set of int}
        For each operator, by number, the numbers of those that wait for it.
    ops : list of int
        The operators to start from.
    trans : dict of {int: set of int}
        Receives the result: for ``ops``, and for all that depends on them, the
        operators of the given kind that depend on it.
    builder_type : type
        The kind: the build class, for example.
    builder_types : list of type
        The kind of each operator.
    cache : dict of {frozenset of int: set of int}
        Receives the sets that are found. Equal ones, of which there are many, become
        one object, which saves memory.

    Notes
    -----
    It does not really recurse, as chains of operators may be longer than Python's
    stack.
    """
    pending = list(ops)
    while pending:
        op = pending[-1]
        unknown = (
            [] if op in trans else [other for other in dg[op] if other not in trans]
        )
        if unknown:
            pending += unknown
            continue
        pending.pop()
        if op not in trans:
            closure = {
                other for other in dg[op] if builder_types[other] == builder_type
            }
            closure.update(*(trans[other] for other in dg[op]))
            trans[op] = cache.setdefault(frozenset(closure), closure)
