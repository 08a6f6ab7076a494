"""Imported networks are written as they were read, with their present weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import nengo
import numpy as np
from nengo.transforms import Convolution

from ..assembly import Layer
from ..errors import NIRError
from ..graph import Graph, Node
from ..importing import ImportedNetwork

Path = tuple[str, ...]


def is_as_imported(net: nengo.Network) -> bool:
    """Tell whether a network was imported from NIR, and nothing added but probes.

    Parameters
    ----------
    net : nengo.Network
        A network.
    """
    return isinstance(net, ImportedNetwork) and net.sizes == net.present_sizes()


def recorded_graph(net: ImportedNetwork) -> Graph:
    """Give the graph that a network was imported from, with its present weights.

    Parameters
    ----------
    net : ImportedNetwork
        The network.

    Returns
    -------
    graph : Graph
        The graph.
    """
    return _with_weights(net, net.graph, ())


def _with_weights(net: ImportedNetwork, graph: Graph, path: Path) -> Graph:
    nodes: dict[str, Node | Graph] = {}
    for name, node in graph.nodes.items():
        if isinstance(node, Graph):
            nodes[name] = _with_weights(net, node, (*path, name))
            continue
        nodes[name] = node
        if (layer := net.record.get((*path, name))) is not None:
            present = {
                parameter: _present(node, parameter, connection, layer)
                for parameter, connection in layer.weights.items()
            }
            nodes[name] = replace(node, parameters={**node.parameters, **present})
    return replace(graph, nodes=nodes)


def _present(
    node: Node, parameter: str, connection: nengo.Connection, layer: Layer
) -> Any:
    """The weights of a connection in the shape of the parameter that they are."""
    transform, before = connection.transform, node[parameter]
    values = transform.init
    if not isinstance(values, np.ndarray):
        raise NIRError(
            f"its {parameter} is given by {values!r}, and must be an array",
            connection.label,
        )
    if not isinstance(transform, Convolution):
        shape = layer.shapes.taken if parameter == "scale" else before.shape
        return values.reshape(shape)
    if node.kind in ("Affine", "Linear"):
        return values[0].T.reshape(before.shape)
    n_filters, per_group, *size = before.shape
    kernel = values.reshape(*size, per_group, n_filters)
    return np.moveaxis(kernel, (-1, -2), (0, 1))
