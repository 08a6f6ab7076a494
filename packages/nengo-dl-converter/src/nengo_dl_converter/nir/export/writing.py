"""From a graph as a value to one of the package ``nir``."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any

import numpy as np

from ..cycles import delayed_edges, in_order
from ..errors import NIRError
from ..flattening import flatten
from ..graph import Graph, Node
from ..shapes import Shapes, infer_shapes

Path = tuple[str, ...]


def to_nir_graph(graph: Graph, dt: float, discretization: str, dtype: Any) -> Any:
    """Make a `nir.NIRGraph`.

    Parameters
    ----------
    graph : Graph
        The graph.
    dt : float
        Length of the steps that it is meant for, in seconds; goes into the metadata.
    discretization : "exact" or "euler"
        How a step is meant to be computed; goes into the metadata.
    dtype : dtype
        Floating point type of the parameters.

    Returns
    -------
    graph : nir.NIRGraph
        The graph.

    Raises
    ------
    NIRError
        If the package ``nir`` is not installed.
    """
    try:
        import nir
    except ImportError as error:
        raise NIRError(
            "to write NIR graphs the package nir is needed: "
            'pip install "nengo-dl-converter[nir]"'
        ) from error
    flat = flatten(graph)
    delayed = delayed_edges(flat)
    shapes = infer_shapes(flat, in_order(flat, delayed), delayed)
    by_path = {flat.paths[name]: shape for name, shape in shapes.items()}
    said = {
        "dt": float(dt),
        "discretization": discretization,
        "writer": f"nengo-dl-converter {metadata.version('nengo-dl-converter')}",
    }
    return _graph(nir, graph, (), by_path, np.dtype(dtype), said)


def _graph(
    nir: Any,
    graph: Graph,
    path: Path,
    shapes: Mapping[Path, Shapes],
    dtype: Any,
    metadata: Mapping[str, Any],
) -> Any:
    nodes = {
        name: (
            _graph(nir, node, (*path, name), shapes, dtype, {})
            if isinstance(node, Graph)
            else _node(nir, node, shapes.get((*path, name)), dtype)
        )
        for name, node in graph.nodes.items()
    }
    return nir.NIRGraph(
        nodes,
        list(graph.edges),
        metadata={**graph.metadata, **metadata},
        type_check=False,
    )


def _node(nir: Any, node: Node, shapes: Shapes | None, dtype: Any) -> Any:
    arguments = {
        name: value.astype(dtype) if isinstance(value, np.ndarray) else value
        for name, value in node.parameters.items()
    }
    if node.kind in ("Input", "Output"):
        word = f"{node.kind.lower()}_type"
        shape = arguments["shape"] if shapes is None else shapes.given
        arguments = {
            word: {node.kind.lower(): None if shape is None else np.array(shape)}
        }
    elif shapes is not None and node.kind in ("Conv1d", "Conv2d"):
        taken = shapes.taken[1:]
        arguments["input_shape"] = taken[0] if node.kind == "Conv1d" else taken
        arguments["bias"] = np.broadcast_to(arguments["bias"], shapes.given[:1])
        if node.kind == "Conv1d":
            for name in ("stride", "padding", "dilation"):
                value = arguments[name]
                arguments[name] = value if isinstance(value, str) else value[0]
    elif shapes is not None and node.kind == "Flatten":
        arguments["input_type"] = {"input": np.array(shapes.taken)}
    elif node.kind in ("SumPool2d", "AvgPool2d"):
        arguments = {name: np.array(value) for name, value in arguments.items()}
    elif shapes is not None:
        arguments = {
            name: _full(node.kind, name, value, shapes)
            for name, value in arguments.items()
        }
    made = getattr(nir, node.kind)(**arguments)
    made.metadata = dict(node.metadata)
    return made


def _full(kind: str, name: str, value: Any, shapes: Shapes) -> Any:
    """Give a parameter the shape of the node, which `nir` wants all of them to have."""
    if kind in ("Affine", "Linear"):
        return np.broadcast_to(value, shapes.given) if np.ndim(value) == 0 else value
    return np.broadcast_to(value, shapes.taken).copy()
