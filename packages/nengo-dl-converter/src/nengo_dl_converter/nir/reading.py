"""NIR graphs from files and from objects of the package ``nir``.

Files are read here, and not by ``nir.read``, which refuses graphs for shapes that it
infers. Nothing in a file is executed or unpickled, and no other file is opened.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .errors import NIRError
from .graph import Graph, Node
from .parameters import KINDS, make_node

_MAX_DEPTH = 64


def read_graph(source: Any) -> Graph:
    """Read a graph.

    Parameters
    ----------
    source : path or nir.NIRGraph
        A NIR file, or a graph; the graph stays as it is.

    Returns
    -------
    graph : Graph
        The graph, all parameters checked.

    Raises
    ------
    NIRError
        If the file cannot be read, or something in it is not as it must be.
    """
    if isinstance(source, (str, os.PathLike)):
        return _graph_in_file(Path(source))
    if isinstance(source, Graph):
        return source
    if hasattr(source, "nodes") and hasattr(source, "edges"):
        return _graph_of(_graph_fields(source), ())
    raise NIRError(f"expected a path or a nir.NIRGraph, not {source!r}")


def _graph_in_file(path: Path) -> Graph:
    try:
        return _graph_of(_read_file(path), ())
    except NIRError as error:
        if error.node is not None:
            raise
        raise NIRError(str(error), path=str(path)) from None


def _read_file(path: Path) -> Mapping[str, Any]:
    try:
        with h5py.File(path, "r") as file:
            content = _read_group(file, 0)
    except NIRError:
        raise
    except Exception as error:  # whatever HDF5 says of a damaged file
        raise NIRError(f"cannot be read as a NIR file: {error}") from error
    root = content.get("node")
    if not isinstance(root, Mapping) or "nodes" not in root:
        raise NIRError('holds no graph under "node"')
    return root


def _read_group(group: h5py.Group, depth: int) -> dict[str, Any]:
    """Read what a group holds, following no link to other places or files."""
    if depth > _MAX_DEPTH:
        raise NIRError(f"groups are nested more than {_MAX_DEPTH} times")
    content: dict[str, Any] = {}
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise NIRError(f"{group.name}/{name} is a link to another place")
        item = group[name]
        if isinstance(item, h5py.Group):
            content[name] = _read_group(item, depth + 1)
        elif item.is_virtual or item.external:
            raise NIRError(f"the values of {item.name} lie in another file")
        else:
            value = item[()]
            content[name] = value.decode() if isinstance(value, bytes) else value
    return content


def _graph_fields(graph: Any) -> dict[str, Any]:
    """Say of a `nir.NIRGraph` what a file would say."""
    return {
        "type": "NIRGraph",
        "nodes": {name: _node_fields(node) for name, node in graph.nodes.items()},
        "edges": graph.edges,
        "metadata": getattr(graph, "metadata", None),
    }


def _node_fields(node: Any) -> dict[str, Any]:
    kind = type(node).__name__
    if hasattr(node, "nodes") and hasattr(node, "edges"):
        return _graph_fields(node)
    if kind in ("Input", "Output"):
        shapes = getattr(node, f"{kind.lower()}_type", None) or {}
        # Their name is not always that of the node's type.
        fields = {"shape": next(iter(shapes.values()), None)}
    else:
        fields = {name: getattr(node, name, None) for name in KINDS.get(kind, ())}
    return {"type": kind, "metadata": getattr(node, "metadata", None)} | fields


def _graph_of(fields: Mapping[str, Any], path: tuple[str, ...]) -> Graph:
    """Make a graph of what a file says of it."""
    nodes: dict[str, Node | Graph] = {}
    given = fields.get("nodes")
    if not isinstance(given, Mapping):
        raise NIRError("the graph has no nodes", ".".join(path) or None)
    for name, said in given.items():
        full = ".".join((*path, name))
        kind = said.get("type") if isinstance(said, Mapping) else None
        if not isinstance(kind, str):
            raise NIRError("its type is not given", full)
        if kind == "NIRGraph":
            nodes[name] = _graph_of(said, (*path, name))
        else:
            nodes[name] = make_node(full, kind, said)
    edges = _edges(fields.get("edges", ()), path)
    metadata = fields.get("metadata")
    return Graph(
        nodes,
        _with_names_of_nodes(edges, nodes, path),
        dict(metadata) if isinstance(metadata, Mapping) else {},
    )


def _edges(given: Iterable[Any], path: tuple[str, ...]) -> list[tuple[str, str]]:
    where = ".".join(path) or None
    if not isinstance(given, (list, tuple, set, np.ndarray)):
        raise NIRError(f"edges must be pairs of names of nodes, not {given!r}", where)
    edges = []
    for edge in given:
        names = [e.decode() if isinstance(e, bytes) else e for e in np.ravel(edge)]
        if len(names) != 2 or not all(isinstance(name, str) for name in names):
            raise NIRError(f"an edge must be two names of nodes, not {edge!r}", where)
        edges.append((str(names[0]), str(names[1])))
    return edges


def _with_names_of_nodes(
    edges: list[tuple[str, str]], nodes: Mapping[str, Any], path: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """Let edges name nodes, where one name is wrong and one node is left for it."""
    named = {name for edge in edges for name in edge}
    unknown = sorted(named - nodes.keys())
    if not unknown:
        return tuple(edges)
    left = [
        name
        for name, node in nodes.items()
        if name not in named
        and not (isinstance(node, Node) and node.kind in ("Input", "Output"))
    ]
    if len(unknown) > 1 or len(left) != 1:
        raise NIRError(
            f"edges name {', '.join(map(repr, unknown))}, which is no node; nodes are "
            f"{', '.join(map(repr, nodes))}",
            ".".join(path) or unknown[0],
        )
    replaced = {unknown[0]: left[0]}
    return tuple((replaced.get(a, a), replaced.get(b, b)) for a, b in edges)
