"""From the nodes of a graph to Nengo objects."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from math import prod
from typing import Any, NamedTuple

import nengo
import numpy as np
import numpy.typing as npt
from nengo.base import NengoObject

from nengo_dl_core import Delay

from ..indices import broadcast_indices
from ..populations import Populations, set_trainable
from .flattening import Edge, Flat
from .graph import Node
from .shapes import Shapes

Array = npt.NDArray[Any]


class Layer(NamedTuple):
    """What a node has become.

    Attributes
    ----------
    entry : nengo.Node or nengo.ensemble.Neurons
        Where what is meant for the node arrives.
    output : nengo.Node or nengo.ensemble.Neurons
        Its output is that of the node, flattened.
    weights : dict of {str: nengo.Connection}
        The connections that have its parameters as their weights.
    shapes : Shapes
        Shapes of input and output.
    """

    entry: NengoObject
    output: NengoObject
    weights: Mapping[str, nengo.Connection]
    shapes: Shapes


class Assembly:
    """Makes Nengo objects of the nodes of a graph, in the context of a network.

    Parameters
    ----------
    flat : Flat
        The graph.
    shapes : dict of {str: Shapes}
        Shapes of its nodes.
    delayed : set of (str, str)
        Edges that carry the value of the step before.
    dt : float
        Length of a step, in seconds.
    discretization : "exact" or "euler"
        How a step is computed.
    """

    def __init__(
        self,
        flat: Flat,
        shapes: Mapping[str, Shapes],
        delayed: Collection[Edge],
        dt: float,
        discretization: str,
    ) -> None:
        self.flat = flat
        self.shapes = shapes
        self.delayed = delayed
        self.dt = dt
        self.discretization = discretization
        self.populations = Populations(synapse=None, allow_fallback=False)
        self.layers: dict[str, Layer] = {}
        self._one: nengo.Node | None = None

    def add(self, name: str) -> None:
        """Add the objects of a node, after those of all nodes that feed it.

        Parameters
        ----------
        name : str
            Name of the node.
        """
        node = self.flat.nodes[name]
        self.layers[name] = PARTS[node.kind](Part(self, name, node))

    def close_cycles(self) -> None:
        """Connect what is fed with values of the step before."""
        for pre, post in sorted(e for e in self.flat.edges if e in self.delayed):
            self.populations.connect(
                self.layers[pre].output, self.layers[post].entry, synapse=Delay(0)
            )

    def one(self) -> nengo.Node:
        """The Node that biases come from."""
        if self._one is None:
            self._one = nengo.Node(1.0, label="one")
        return self._one


class Part:
    """A node that is being made into Nengo objects.

    Parameters
    ----------
    assembly : Assembly
        The graph that it is a part of.
    name : str
        Name of the node.
    node : Node
        The node.
    """

    def __init__(self, assembly: Assembly, name: str, node: Node) -> None:
        self.assembly = assembly
        self.name = name
        self.node = node
        self.shapes = assembly.shapes[name]
        self.size_in, self.size_out = prod(self.shapes.taken), prod(self.shapes.given)
        self.weights: dict[str, nengo.Connection] = {}

    def source(self) -> NengoObject:
        """Give an object whose output is the sum of what feeds the node."""
        feeding, waits = self._feeding()
        if len(feeding) == 1 and not waits:
            return self.assembly.layers[feeding[0]].output
        return self.fed(nengo.Node(size_in=self.size_in, label=f"{self.name}.sum"))

    def fed(self, entry: NengoObject) -> NengoObject:
        """Connect what feeds the node, in the same step, to an object; return it."""
        for pre in self._feeding()[0]:
            self.connect(self.assembly.layers[pre].output, entry)
        return entry

    def _feeding(self) -> tuple[list[str], bool]:
        """Which nodes feed it in the same step; and whether others do in the next."""
        delayed = self.assembly.delayed
        edges = [edge for edge in self.assembly.flat.edges if edge[1] == self.name]
        now = sorted(edge[0] for edge in edges if edge not in delayed)
        return now, len(now) < len(edges)

    def node_out(self) -> nengo.Node:
        """Add a passthrough Node for the output."""
        return nengo.Node(size_in=self.size_out, label=self.name)

    def per_element(self, parameter: str) -> Array:
        """Give the values of a parameter for all elements of the input, flat."""
        value = np.broadcast_to(self.node[parameter], self.shapes.taken)
        return np.array(value).ravel()

    def connect(self, pre: Any, post: Any, **kwargs: Any) -> nengo.Connection:
        """Connect two objects, within the step, with weights that are not trained."""
        return self.assembly.populations.connect(pre, post, **kwargs)

    def connect_weights(
        self, parameter: str, pre: Any, post: Any, transform: Any
    ) -> None:
        """Connect two objects with weights that are trained, and exported.

        Parameters
        ----------
        parameter : str
            The parameter of the node that the weights are.
        pre, post : NengoObject or ObjView
            The objects.
        transform : nengo.transforms.Transform or ndarray
            The weights.
        """
        self.weights[parameter] = self.connect(
            pre, post, transform=transform, trainable=True
        )

    def add_bias(self, output: nengo.Node) -> None:
        """Add the node's bias to the output, one for each last axis or channel."""
        bias = self.node["bias"]
        aligned = bias
        if self.node.kind.startswith("Conv") and bias.ndim:
            aligned = bias.reshape(-1, *[1] * (len(self.shapes.given) - 1))
        one, transform = self.assembly.one(), bias.reshape(-1, 1)
        if bias.size == self.size_out:
            self.connect_weights("bias", one, output, transform)
            return
        values = nengo.Node(size_in=bias.size, label=f"{self.name}.bias")
        self.connect_weights("bias", one, values, transform)
        where = broadcast_indices(aligned.shape, self.shapes.given)
        self.assembly.populations.gather(values, where, output)

    def finished(self, entry: NengoObject, output: NengoObject) -> Layer:
        """Say what the node has become."""
        return Layer(entry, output, self.weights, self.shapes)


PARTS: dict[str, Callable[[Part], Layer]] = {}
"""For each type of node the function that makes its objects."""


def part(*kinds: str) -> Callable[[Callable[[Part], Layer]], Callable[[Part], Layer]]:
    """Register the function that makes the objects of some types of nodes.

    Parameters
    ----------
    *kinds : str
        Types of nodes in NIR.
    """

    def decorator(function: Callable[[Part], Layer]) -> Callable[[Part], Layer]:
        PARTS.update(dict.fromkeys(kinds, function))
        return function

    return decorator


def add_neurons(part: Part, neuron_type: Any, label: str) -> NengoObject:
    """Add neurons without encoders, gains and biases of any consequence."""
    neurons = part.assembly.populations.add((part.size_in,), neuron_type, label=label)
    set_trainable(neurons, False)
    return neurons
