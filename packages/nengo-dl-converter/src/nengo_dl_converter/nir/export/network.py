"""A Nengo network as a graph, object by object."""

from __future__ import annotations

from typing import Any, NamedTuple

import nengo
import numpy as np
import numpy.typing as npt
from nengo.builder import Model
from nengo.connection import LearningRule
from nengo.ensemble import Neurons

from nengo_dl_core import quantize_model

from ..errors import NIRError
from ..graph import Graph
from .constants import biases_of, constants_of, is_folded
from .delays import balance_delays
from .draft import Draft
from .filters import add_filter
from .layouts import Layout, is_convolution, layouts_of
from .links import Link, links_of, name_of
from .populations import Population, is_rounded, population_of

Array = npt.NDArray[np.float64]


class Written(NamedTuple):
    """A network that was written as a graph.

    Attributes
    ----------
    graph : Graph
        The nearest graph.
    losses : list of (str, str)
        Names of objects, and what of them NIR cannot say.
    names : dict of {nengo.Node or nengo.Probe: str}
        Names of the inputs and outputs.
    layouts : dict of {NengoObject: Layout}
        How the elements of the objects are arranged.
    heights : dict of {nengo.Probe: float}
        What probes of spikes have where the output has 1.
    """

    graph: Graph
    losses: list[tuple[str, str]]
    names: dict[Any, str]
    layouts: dict[Any, Layout]
    heights: dict[nengo.Probe, float]


def network_graph(net: nengo.Network, dt: float, discretization: str) -> Written:
    """Write a network as a graph.

    Parameters
    ----------
    net : nengo.Network
        The network.
    dt : float
        Length of a step, in seconds.
    discretization : "exact" or "euler"
        How a step of the graph will be computed.

    Returns
    -------
    written : Written
        The nearest graph, and what belongs to what.

    Raises
    ------
    NIRError
        If something has no meaning in NIR, not even nearly.
    """
    model = Model(dt=dt, decoder_cache=nengo.cache.NoDecoderCache())
    with np.errstate(divide="ignore"):  # in Nengo, for neurons that just do not fire
        model.build(net)
    quantize_model(model)
    writer = NetworkWriter(model, net, dt, discretization)
    graph = writer.written()
    return Written(graph, writer.losses, writer.entries, writer.layouts, writer.heights)


class NetworkWriter:
    """Writes a network as a graph.

    Parameters
    ----------
    model : nengo.builder.Model
        The built network.
    net : nengo.Network
        The network.
    dt : float
        Length of a step, in seconds.
    discretization : "exact" or "euler"
        How a step of the graph will be computed.
    """

    def __init__(
        self, model: Model, net: nengo.Network, dt: float, discretization: str
    ) -> None:
        self.model, self.net, self.dt = model, net, dt
        self.discretization = discretization
        self.draft = Draft(dt)
        self.losses: list[tuple[str, str]] = []
        self.entries: dict[Any, str] = {}
        self.exits: dict[Any, str] = {}
        self.flattened: dict[Any, str] = {}
        self.wires: list[str] = []
        self.heights: dict[nengo.Probe, float] = {}

    def written(self) -> Graph:
        """Write the graph."""
        net = self.net
        if not net.all_probes:
            raise NIRError("a network without probes has no output", name_of(net))
        for node in net.all_nodes:
            self._check_node(node)
        for conn in net.all_connections:
            self._check_connection(conn)
        for probe in net.all_probes:
            if probe.sample_every is not None:
                loss = f"that it samples every {probe.sample_every} s"
                self.losses.append((name_of(probe), loss))
        links = links_of(self.model, net)
        constants = constants_of(net.all_nodes, links)
        self.populations = {
            ens.neurons: population_of(
                self.model, ens.neurons, links, self.time_constant
            )
            for ens in net.all_ensembles
        }
        for neurons, population in self.populations.items():
            name = name_of(neurons.ensemble)
            self.losses += [(name, loss) for loss in population.losses]
        self.links = [link for link in links if not is_folded(link, constants)]
        self.biases = biases_of(self.model, self.populations, links, constants)
        self.encoded = {
            link.post for link in links if isinstance(link.post, nengo.Ensemble)
        }
        read = {link.pre for link in self.links}  # constants, too, that are filtered
        nodes = [
            node for node in net.all_nodes if node not in constants or node in read
        ]
        objects = [*nodes, *self.populations, *net.all_probes]
        self.layouts = layouts_of(self.links, objects, [*self._flat(), *constants])
        for probe in net.all_probes:  # first, so that they have their labels as names
            shape = self.layouts[probe].shape
            self.entries[probe] = self.draft.add(
                probe.label or "output", "Output", shape, shape=shape
            )
        for node in sorted(nodes, key=lambda node: node.size_in > 0):
            if node not in constants:
                self._add_node(node)
        for node in nodes:
            if node in constants:
                self.exits[node] = self._add_source(name_of(node), constants[node])
        for neurons, population in self.populations.items():
            self._add_population(neurons, population)
        for link in self.links:
            self._add_link(link)
        for obj, bias in self.biases.items():
            source = self._add_source(f"{self.entries[obj]}.bias", bias)
            self.draft.edges.append((source, self.entries[obj]))
        for neurons, population in self.populations.items():
            if population.start.any():
                self._add_start(neurons, population)
        balance_delays(self.draft)
        self.draft.cut_out(self.wires)
        return self.draft.graph()

    def time_constant(self, tau: float) -> float:
        """Give the time constant with which a leak is that of an exact one.

        Parameters
        ----------
        tau : float
            Time constant of the exact leak, in seconds.
        """
        if self.discretization == "exact":
            return tau
        return float(self.dt / -np.expm1(-self.dt / tau))

    def _check_node(self, node: nengo.Node) -> None:
        """Refuse what is computed in Python."""
        if node.size_in and node.output is not None:
            raise NIRError(
                f"its output {node.output} is computed in Python from its input, for "
                "which NIR has no node",
                name_of(node),
            )

    def _check_connection(self, conn: nengo.Connection) -> None:
        if isinstance(conn.post_obj, LearningRule):
            self.losses.append((name_of(conn), "what is meant for a learning rule"))
            return
        if conn.learning_rule is not None:
            self.losses.append((name_of(conn), f"the rule {conn.learning_rule_type}"))
        if is_rounded(self.model, conn) and isinstance(conn.pre_obj, nengo.Node):
            self.losses.append((name_of(conn), "that its input is rounded"))
        decoded = isinstance(conn.pre_obj, nengo.Ensemble)
        if conn.function is not None and not decoded:
            loss = f"the function {conn.function} is computed in Python"
            raise NIRError(f"{loss}, for which NIR has no node", name_of(conn))

    def _flat(self) -> list[Any]:
        """Objects whose bias differs within channels: it is no convolution's."""
        chosen = []
        for obj, bias in self.biases.items():
            leaks = obj in self.populations and self.populations[obj].kind == "LIF"
            layouts = [
                Layout.of(link.convolution.output_shape)
                for link in self.links
                if link.post is obj
                and link.convolution is not None
                and not link.synapse
            ]
            if not leaks and not (
                layouts and _per_channel(layouts[0], bias) is not None
            ):
                chosen.append(obj)
        return chosen

    def _add_node(self, node: nengo.Node) -> None:
        layout = self.layouts[node]
        if node.size_in:
            name = self.draft.add(
                node.label or "node",
                "Scale",
                layout.shape,
                scale=np.ones(layout.shape),
            )
            self.wires.append(name)
        else:
            name = self.draft.add(
                node.label or "input", "Input", layout.shape, shape=layout.shape
            )
        self.entries[node] = self.exits[node] = name

    def _add_population(self, neurons: Neurons, population: Population) -> None:
        ensemble, layout = neurons.ensemble, self.layouts[neurons]
        label = ensemble.label or "ensemble"
        parameters = {
            name: layout.arranged(np.broadcast_to(value, ensemble.n_neurons))
            for name, value in population.parameters.items()
        }
        if neurons in self.biases and population.kind == "LIF":
            bias = layout.arranged(self.biases.pop(neurons))
            parameters["v_leak"] = parameters["v_leak"] + parameters["r"] * bias
        feeding = []
        if ensemble in self.encoded:
            encoders = np.array(self.model.params[ensemble].scaled_encoders, np.float64)
            bias = self.biases.pop(ensemble, np.zeros(ensemble.n_neurons))
            self.entries[ensemble] = self.draft.add(
                label, "Affine", layout.shape, weight=encoders, bias=bias
            )
            feeding, label = [self.entries[ensemble]], f"{label}.neurons"
        name = self.draft.add(
            label, population.kind, layout.shape, *feeding, **parameters
        )
        self.entries[neurons] = self.exits[neurons] = name

    def _add_link(self, link: Link) -> None:
        """Add the weights and the filter of a link."""
        post = self.entries[link.post]
        after = self.layouts.get(link.post)
        if after is None:  # what is encoded
            after = Layout((link.post.size_in,))
        label = f"{self.exits[link.pre]}-{post}"
        height = 1.0
        if link.pre in self.populations:
            height = self.populations[link.pre].height
        probed = isinstance(link.post, nengo.Probe) and link.post.obj is link.pre
        if probed and not link.synapse:
            self.heights[link.post] = height
            height = 1.0  # a spike is 1 at an output
        bias = None
        if not link.synapse and (
            len(after.shape) == 1 or is_convolution(link, self.layouts[link.pre], after)
        ):
            bias = self.biases.pop(link.post, None)
        name = self._weighted(link, after, label, height, bias)
        if link.synapse is not None:
            name = add_filter(self.draft, name, link, label, after, self.discretization)
        self.draft.edges.append((name, post))

    def _add_source(self, label: str, value: Array) -> str:
        """Add what is constant and added to nothing: what comes in, times 0."""
        feeding, size = self._an_input()
        weight = np.zeros((value.size, size))
        return self.draft.add(
            label, "Affine", value.shape, *feeding, weight=weight, bias=value
        )

    def _an_input(self) -> tuple[list[str], int]:
        """A node that gives an input, flat, and its size; none if nothing comes in."""
        inputs = [obj for obj in self.exits if self._is_input(obj)][:1]
        return [self._flattened(obj) for obj in inputs], sum(
            obj.size_out for obj in inputs
        ) or 1

    def _add_start(self, neurons: Neurons, population: Population) -> None:
        """Add a pulse in the first step that makes up for voltages other than zero.

        All voltages of NIR begin at zero. What stays of one after the first step is
        what this input leaves then. It is a constant less what it was a step before,
        and the constant is a threshold below what comes in, times 0.
        """
        name, layout = self.exits[neurons], self.layouts[neurons]
        parameters, add = population.parameters, self.draft.add
        if "tau" in parameters:
            part = self.dt / parameters["tau"]
            approach = part if self.discretization == "euler" else -np.expm1(-part)
            pulse = population.start * (1 - approach) / approach
        else:
            pulse = population.start / self.dt
        pulse = layout.arranged(pulse / parameters["r"])
        shape = pulse.shape
        source = [p for p in self.draft.feeding(name) if p not in self.draft.steps][:1]
        if source:
            source = [
                add(f"{name}.zero", "Scale", shape, *source, scale=np.zeros(shape))
            ]
        elif len(shape) == 1:
            source, size = self._an_input()
            weight = np.zeros((*shape, size))
            source = [add(f"{name}.zero", "Linear", shape, *source, weight=weight)]
        one = add(f"{name}.one", "Threshold", shape, *source, threshold=-np.ones(shape))
        first = add(f"{name}.start", "Scale", shape, one, scale=pulse)
        delay = np.full(shape, self.dt)
        later = add(f"{name}.later", "Delay", shape, first, delay=delay)
        end = add(f"{name}.end", "Scale", shape, later, scale=-np.ones(shape))
        self.draft.edges += [(first, name), (end, name)]

    @staticmethod
    def _is_input(obj: Any) -> bool:
        return isinstance(obj, nengo.Node) and not obj.size_in

    def _weighted(
        self, link: Link, after: Layout, label: str, height: float, bias: Array | None
    ) -> str:
        """Add the weights of a link; return the node that gives the products."""
        before = self.layouts[link.pre]
        name = self.exits[link.pre]
        if link.matrix is None and before == after and bias is None:
            if height == 1:
                return name
            scale = np.full(after.shape, height)
            return self.draft.add(label, "Scale", after.shape, name, scale=scale)
        if is_convolution(link, before, after):
            return self._convolved(link, after, label, height, bias)
        matrix = np.eye(link.pre.size_out) if link.matrix is None else link.matrix
        weights = {"weight": height * matrix[:, before.order]}
        name = self._flattened(link.pre)
        if bias is not None:
            weights["bias"] = bias
        kind = "Linear" if bias is None else "Affine"
        return self.draft.add(label, kind, after.shape, name, **weights)

    def _flattened(self, obj: Any) -> str:
        """The node that gives the output of an object, flat."""
        if len(self.layouts[obj].shape) == 1:
            return self.exits[obj]
        if obj not in self.flattened:
            name, size = self.exits[obj], int(np.prod(self.layouts[obj].shape))
            self.flattened[obj] = self.draft.add(
                f"{name}.flat", "Flatten", (size,), name, start_dim=0, end_dim=-1
            )
        return self.flattened[obj]

    def _convolved(
        self, link: Link, after: Layout, label: str, height: float, bias: Array | None
    ) -> str:
        convolution = link.convolution
        assert convolution is not None
        assert link.kernel is not None
        kernel = np.moveaxis(link.kernel, (-1, -2), (0, 1))
        per_channel = None if bias is None else _per_channel(after, bias)
        n_axes = convolution.dimensions
        return self.draft.add(
            label,
            f"Conv{n_axes}d",
            after.shape,
            self.exits[link.pre],
            weight=height * kernel,
            bias=np.zeros(after.shape[0]) if per_channel is None else per_channel,
            stride=np.array(convolution.strides),
            padding=convolution.padding,
            dilation=np.ones(n_axes),
            groups=convolution.groups,
        )


def _per_channel(layout: Layout, bias: Array) -> Array | None:
    """A bias as one for each channel; None if it differs within a channel."""
    rows = layout.arranged(bias).reshape(layout.shape[0], -1)
    first: Array = rows[:, 0]
    return first if (rows == rows[:, :1]).all() else None
