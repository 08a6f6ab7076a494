"""Which edges of a graph carry the value of the step before.

Within a step every node follows those that feed it. Where nodes feed each other in a
cycle one edge of it has to wait for the next step. The usual case is a loop that is
entered at one node, as neurons that feed back to themselves: all paths from the inputs
to the loop pass through that node (it *dominates* the others), and the edges that lead
back to it wait. A cycle that is entered at several nodes has no such node, and the
first by name takes its part. No order of nodes or edges matters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from graphlib import TopologicalSorter

from .flattening import Edge, Flat


def delayed_edges(flat: Flat) -> set[Edge]:
    """Find the edges that carry the value of the step before.

    Parameters
    ----------
    flat : Flat
        The graph.

    Returns
    -------
    delayed : set of (str, str)
        Without these edges the graph has no cycle.
    """
    edges = set(flat.edges)
    inputs = [name for name, node in flat.nodes.items() if node.kind == "Input"]
    dominators = _dominators(inputs, edges)
    delayed = {edge for edge in edges if edge[1] in dominators.get(edge[0], ())}
    while cyclic := _cyclic(edges - delayed):
        first = min(cyclic)
        delayed |= {(pre, first) for pre in cyclic[first] if (pre, first) in edges}
    return delayed


def in_order(flat: Flat, delayed: Collection[Edge]) -> list[str]:
    """Sort nodes so that each comes after those that feed it.

    Parameters
    ----------
    flat : Flat
        The graph.
    delayed : set of (str, str)
        Edges that do not count.

    Returns
    -------
    names : list of str
        Names of all nodes.
    """
    fed: dict[str, list[str]] = {name: [] for name in sorted(flat.nodes)}
    for pre, post in sorted(set(flat.edges) - set(delayed)):
        fed[post].append(pre)
    return list(TopologicalSorter(fed).static_order())


def _dominators(
    inputs: Iterable[str], edges: Collection[Edge]
) -> Mapping[str, frozenset[str]]:
    """For each node that inputs reach: through which nodes all paths from them pass.

    These are the node itself, and what all nodes that feed it have in common. The sets
    only shrink from one round to the next, until nothing changes; in the order in which
    a node comes after those that feed it, but for cycles, few rounds are enough
    (Cooper, Harvey and Kennedy, 2001: A simple, fast dominance algorithm).
    """
    root = ""
    edges = {*edges, *((root, name) for name in inputs)}
    reached = _reached(root, _following(edges))
    feeding: dict[str, list[str]] = {name: [] for name in [root, *reached]}
    for pre, post in edges:
        if pre in feeding:
            feeding[post].append(pre)
    everything = frozenset(feeding)
    found = dict.fromkeys(reached, everything) | {root: frozenset([root])}
    while True:
        before = dict(found)
        for name in reached:
            common = frozenset.intersection(*(found[pre] for pre in feeding[name]))
            found[name] = common | {name}
        if found == before:
            return found


def _following(edges: Iterable[Edge]) -> dict[str, list[str]]:
    following: dict[str, list[str]] = {}
    for pre, post in edges:
        following.setdefault(pre, []).append(post)
    return following


def _reached(start: str, following: Mapping[str, list[str]]) -> list[str]:
    """What comes after a node, itself if it is in a cycle, in reverse postorder."""
    found: set[str] = set()
    finished: list[str] = []
    path = [(start, iter(following.get(start, ())))]
    while path:
        name, posts = path[-1]
        new = next((post for post in posts if post not in found), None)
        if new is None:
            path.pop()
            finished.append(name)
        else:
            found.add(new)
            path.append((new, iter(following.get(new, ()))))
    finished.pop()  # the start, which was not found but given
    return finished[::-1]


def _cyclic(edges: Collection[Edge]) -> dict[str, set[str]]:
    """For each node in a cycle all nodes that are in a cycle with it."""
    following = _following(edges)
    after = {name: {*_reached(name, following)} for name in following}
    return {
        name: {other for other in others if name in after.get(other, ())}
        for name, others in after.items()
        if name in others
    }
