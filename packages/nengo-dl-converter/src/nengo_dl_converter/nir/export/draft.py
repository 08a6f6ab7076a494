"""A graph in the making."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..graph import Graph, Node
from ..parameters import make_node

Shape = tuple[int, ...]


class Draft:
    """Collects nodes and edges.

    Parameters
    ----------
    dt : float
        Length of a step, in seconds.

    Attributes
    ----------
    nodes : dict of {str: Node}
        Nodes by name.
    edges : list of (str, str)
        Which node feeds which.
    shapes : dict of {str: tuple of int}
        Shape of each node's output.
    steps : set of str
        Delays of one step, each for one that Nengo's synapses cost.
    """

    def __init__(self, dt: float) -> None:
        self.dt = dt
        self.nodes: dict[str, Node] = {}
        self.edges: list[tuple[str, str]] = []
        self.shapes: dict[str, Shape] = {}
        self.steps: set[str] = set()

    def add(
        self, label: str, kind: str, given: Shape, /, *feeding: str, **parameters: Any
    ) -> str:
        """Add a node.

        Parameters
        ----------
        label : str
            What to call it; another node of that name has numbers put after it.
        kind : str
            Its type in NIR.
        given : tuple of int
            Shape of its output.
        *feeding : str
            Nodes that feed it.
        **parameters
            Its parameters.

        Returns
        -------
        name : str
            Its name.
        """
        label = label.replace("/", "_")  # which HDF5 takes for a path
        name, number = label, 0
        while name in self.nodes:
            number += 1
            name = f"{label}_{number}"
        self.nodes[name] = make_node(name, kind, parameters)
        self.shapes[name] = given
        self.edges += [(pre, name) for pre in feeding]
        return name

    def add_step(self, label: str, shape: Shape, *feeding: str) -> str:
        """Add a delay of one step; parameters are those of `add`."""
        name = self.add(label, "Delay", shape, *feeding, delay=np.full(shape, self.dt))
        self.steps.add(name)
        return name

    def feeding(self, name: str) -> list[str]:
        """Give the nodes that feed one."""
        return [pre for pre, post in self.edges if post == name]

    def fed_by(self, name: str) -> list[str]:
        """Give the nodes that one feeds."""
        return [post for pre, post in self.edges if pre == name]

    def remove(self, name: str) -> None:
        """Remove a node and its edges."""
        del self.nodes[name], self.shapes[name]
        self.steps.discard(name)
        self.edges = [edge for edge in self.edges if name not in edge]

    def cut_out(self, wires: Iterable[str]) -> None:
        """Remove nodes that hand on what they get, where no cycle depends on them.

        Parameters
        ----------
        wires : iterable of str
            Names of such nodes; those that nothing feeds stay.
        """
        for name in wires:
            feeding, fed = self.feeding(name), self.fed_by(name)
            if feeding and fed and not self._in_cycle(name):
                self.remove(name)
                self.edges += [(pre, post) for pre in feeding for post in fed]

    def _in_cycle(self, name: str) -> bool:
        found: set[str] = set()
        left = [name]
        while left:
            new = set(self.fed_by(left.pop())) - found
            found |= new
            left += new
        return name in found

    def graph(self) -> Graph:
        """Give the graph."""
        return Graph(dict(self.nodes), tuple(self.edges))
