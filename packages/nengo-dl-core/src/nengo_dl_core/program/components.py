"""Strongly connected components of a graph."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import TypeVar

_N = TypeVar("_N", bound=Hashable)


def strong_components(after: Mapping[_N, Collection[_N]]) -> list[list[_N]]:
    """Find the strongly connected components of a graph, by Tarjan's algorithm [1]_.

    Parameters
    ----------
    after : dict of {node: collection of node}
        The successors of each node.

    Returns
    -------
    components : list of list of node
        Each one after all those that lead to it.

    References
    ----------
    .. [1] R. Tarjan. Depth-first search and linear graph algorithms. SIAM Journal on
       Computing 1(2), 1972. https://doi.org/10.1137/0201010
    """
    number: dict[_N, int] = {}
    lowest: dict[_N, int] = {}
    open_nodes: dict[_N, None] = {}
    components: list[list[_N]] = []
    for root in after:
        if root in number:
            continue
        path = [(root, iter(after[root]))]
        number[root] = lowest[root] = len(number)
        open_nodes[root] = None
        while path:
            node, left = path[-1]
            for target in left:
                if target not in number:
                    number[target] = lowest[target] = len(number)
                    open_nodes[target] = None
                    path.append((target, iter(after[target])))
                    break
                if target in open_nodes:
                    lowest[node] = min(lowest[node], number[target])
            else:
                path.pop()
                if path:
                    parent = path[-1][0]
                    lowest[parent] = min(lowest[parent], lowest[node])
                if lowest[node] == number[node]:
                    component: list[_N] = []
                    while not component or component[-1] != node:
                        component.append(open_nodes.popitem()[0])
                    components.append(component)
    return components[::-1]
