"""From NIR to Nengo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import nengo
from nengo.base import NengoObject

import nengo_dl_core

from . import builders, parts  # noqa: F401  (they register what they define)
from .assembly import Assembly, Layer
from .cycles import delayed_edges, in_order
from .flattening import Edge, flatten
from .graph import Graph
from .neurons import check_steps
from .reading import read_graph
from .shapes import Shapes, infer_shapes


class ImportedNetwork(nengo.Network):
    """A network that was imported from NIR, and remembers what it was there.

    Attributes
    ----------
    graph : Graph
        The graph that was read.
    record : dict of {tuple of str: Layer}
        What each node has become, by its place in the graph.
    dt : float
        Length of a step, in seconds.
    discretization : "exact" or "euler"
        How a step is computed.
    sizes : tuple of int
        How many Nodes, Ensembles and Connections there were after the import.
    """

    graph: Graph
    record: Mapping[tuple[str, ...], Layer]
    dt: float
    discretization: str
    sizes: tuple[int, ...]

    def present_sizes(self) -> tuple[int, ...]:
        """Count Nodes, Ensembles and Connections."""
        objects = (self.all_nodes, self.all_ensembles, self.all_connections)
        return tuple(map(len, objects))


@dataclass(frozen=True)
class Imported:
    """A NIR graph as a Nengo network.

    Attributes
    ----------
    net : nengo.Network
        The network. Simulate it with steps of length `dt`.
    inputs : dict of {str: nengo.Node}
        A Node for each Input, zero until given data.
    outputs : dict of {str: nengo.Probe}
        A Probe for each Output.
    layers : dict of {str: nengo.Node or nengo.ensemble.Neurons}
        For each node what its output is the output of; neurons have a probeable
        ``"voltage"``. A node ``b`` of a graph ``a`` within is called ``"a.b"``.
    shapes : dict of {str: tuple of int}
        Shape of each node's output, which in Nengo is flat.
    delayed : list of (str, str)
        The edges that carry the value of the step before, since they close a cycle.
    dt : float
        Length of a step, in seconds.
    discretization : "exact" or "euler"
        How a step is computed.
    """

    net: nengo.Network
    inputs: dict[str, nengo.Node]
    outputs: dict[str, nengo.Probe]
    layers: dict[str, NengoObject]
    shapes: dict[str, tuple[int, ...]]
    delayed: list[Edge]
    dt: float
    discretization: str


def from_nir(source: Any, dt: float, discretization: str) -> Imported:
    """Make a Nengo network of a NIR graph.

    Parameters
    ----------
    source : path or nir.NIRGraph
        A NIR file, or a graph; the graph stays as it is.
    dt : float
        Length of a step, in seconds. Graphs whose IF neurons count in steps, as those
        of sinabs, need 1.
    discretization : "exact" or "euler"
        How the differential equations of leaky neurons become steps: by exponentials,
        for inputs that are constant within a step, or by the explicit Euler method,
        which most frameworks train with.

    Returns
    -------
    imported : Imported
        The network, and what became of the nodes.

    Raises
    ------
    NIRError
        If the graph cannot be read, or means nothing that can be simulated.

    Examples
    --------
    >>> import nengo, nir
    >>> import numpy as np
    >>> from nengo_dl_converter import from_nir
    >>> graph = nir.NIRGraph.from_list(
    ...     nir.Linear(np.array([[2.0]])),
    ...     nir.IF(r=np.ones(1), v_threshold=np.ones(1)),
    ... )
    >>> imported = from_nir(graph, dt=1, discretization="euler")
    >>> imported.inputs["input"].output = 0.2
    >>> with nengo.Simulator(imported.net, dt=1, progress_bar=False) as sim:
    ...     sim.run_steps(6)
    >>> sim.data[imported.outputs["output"]].ravel()
    array([0., 0., 1., 0., 0., 1.])
    """
    dt = check_steps(dt, discretization)
    graph = read_graph(source)
    flat = flatten(graph)
    delayed = delayed_edges(flat)
    order = in_order(flat, delayed)
    shapes = infer_shapes(flat, order, delayed)
    with ImportedNetwork(label="NIR") as net:
        _set_defaults()
        assembly = Assembly(flat, shapes, delayed, dt, discretization)
        for name in order:
            assembly.add(name)
        assembly.close_cycles()
        layers = {name: assembly.layers[name] for name in flat.nodes}
        outputs = {
            name: nengo.Probe(layers[name].output, label=name)
            for name in graph.names("Output")
        }
    net.graph = graph
    net.record = {flat.paths[name]: layer for name, layer in layers.items()}
    net.dt, net.discretization = dt, discretization
    net.sizes = net.present_sizes()
    return Imported(
        net,
        {name: layers[name].output for name in graph.names("Input")},
        outputs,
        {name: layer.output for name, layer in layers.items()},
        _given(shapes),
        sorted(delayed),
        dt,
        discretization,
    )


def _given(shapes: Mapping[str, Shapes]) -> dict[str, tuple[int, ...]]:
    return {name: shape.given for name, shape in shapes.items()}


def _set_defaults() -> None:
    """Let parameters be trainable or not, and spikes have a gradient.

    Where the network becomes part of another, the settings of that one stay.
    """
    toplevel = nengo.Network.context[0]
    params = toplevel.config.params
    known = params[nengo.Network].extra_params if nengo.Network in params else ()
    if "trainable" not in known:
        nengo_dl_core.configure_settings(trainable=None)
    if toplevel is nengo.Network.context[-1]:
        nengo_dl_core.configure_settings(spike_gradient="fast_sigmoid")
