"""A NIR graph as a value: what the file says, checked, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Node:
    """A node of a graph.

    Attributes
    ----------
    kind : str
        Its type in NIR, such as ``"LIF"``.
    parameters : dict of {str: object}
        Parameters by name: arrays in float64, shapes as tuples, numbers, words.
    metadata : dict of {str: object}
        What else is said about it, of no consequence.
    """

    kind: str
    parameters: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, parameter: str) -> Any:
        return self.parameters[parameter]


@dataclass(frozen=True)
class Graph:
    """A graph, or a graph within one.

    Attributes
    ----------
    nodes : dict of {str: Node or Graph}
        Nodes by name.
    edges : list of (str, str)
        Which node feeds which; those given twice add.
    metadata : dict of {str: object}
        What else is said about it, of no consequence.
    """

    nodes: Mapping[str, Node | Graph]
    edges: tuple[tuple[str, str], ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def names(self, kind: str) -> list[str]:
        """Give the names of the nodes of a kind."""
        return [
            name
            for name, node in self.nodes.items()
            if isinstance(node, Node) and node.kind == kind
        ]
