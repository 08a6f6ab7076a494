"""A graph with graphs in it as one graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .errors import NIRError
from .graph import Graph, Node

Edge = tuple[str, str]
Path = tuple[str, ...]


class Flat(NamedTuple):
    """A graph without graphs in it.

    Attributes
    ----------
    nodes : dict of {str: Node}
        Nodes by name: those of a graph within are called ``"graph.node"``.
    edges : list of (str, str)
        Which node feeds which, as often as it does.
    paths : dict of {str: tuple of str}
        Where each node is in the graph: names of the graphs around it, and its own.
    """

    nodes: Mapping[str, Node]
    edges: list[Edge]
    paths: Mapping[str, Path]


def flatten(graph: Graph) -> Flat:
    """Put the nodes of graphs within a graph in their place.

    The Input and Output of a graph within are wires: what leads into one leads to
    wherever it leads.

    Parameters
    ----------
    graph : Graph
        The graph.

    Returns
    -------
    flat : Flat
        The graph without graphs in it.

    Raises
    ------
    NIRError
        If a graph within is fed, but has not one Input, or feeds, but has not one
        Output; or if wires go in a circle.
    """
    nodes = dict(_nodes((), graph))
    edges = list(_edges((), graph))
    for path, node in nodes.items():
        if len(path) > 1 and node.kind in ("Input", "Output"):
            edges = _without_wire(edges, path)
        elif node.kind == "Input" and any(post == path for _, post in edges):
            raise NIRError("an Input cannot be fed by an edge", path[0])
    kept = {
        path: node
        for path, node in nodes.items()
        if len(path) == 1 or node.kind not in ("Input", "Output")
    }
    names: dict[Path, str] = {}
    for path in sorted(kept, key=lambda path: (len(path), path)):
        name = ".".join(path)
        while name in names.values():
            name += "'"
        names[path] = name
    return Flat(
        {names[path]: node for path, node in kept.items()},
        [(names[pre], names[post]) for pre, post in edges],
        {name: path for path, name in names.items()},
    )


def _nodes(path: Path, graph: Graph) -> Iterator[tuple[Path, Node]]:
    for name, node in graph.nodes.items():
        if isinstance(node, Graph):
            yield from _nodes((*path, name), node)
        else:
            yield (*path, name), node


def _edges(path: Path, graph: Graph) -> Iterator[tuple[Path, Path]]:
    for pre, post in graph.edges:
        yield _end(path, graph, pre, "Output"), _end(path, graph, post, "Input")
    for name, node in graph.nodes.items():
        if isinstance(node, Graph):
            yield from _edges((*path, name), node)


def _end(path: Path, graph: Graph, name: str, kind: str) -> Path:
    """The node at which an edge ends: in a graph within, its Input or Output."""
    node, path = graph.nodes[name], (*path, name)
    if isinstance(node, Node):
        return path
    wires = node.names(kind)
    if len(wires) != 1:
        raise NIRError(
            f"an edge leads to or from this graph, so it must have one {kind}; it has "
            f"{len(wires)}",
            ".".join(path),
        )
    return (*path, wires[0])


def _without_wire(
    edges: list[tuple[Path, Path]], wire: Path
) -> list[tuple[Path, Path]]:
    """Lead every edge into a wire to wherever it leads."""
    into = [pre for pre, post in edges if post == wire]
    out_of = [post for pre, post in edges if pre == wire]
    if wire in into:
        raise NIRError("the Input leads to itself, through no node", ".".join(wire))
    others = [edge for edge in edges if wire not in edge]
    return others + [(pre, post) for pre in into for post in out_of]
