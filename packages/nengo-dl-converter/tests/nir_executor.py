"""What a NIR graph computes, written down once more, in plain NumPy.

This is the oracle of the tests on NIR. It follows the equations of the NIR
specification and knows nothing of Nengo; where the specification says nothing it
follows the page on NIR of the documentation. It is slow, and checks nothing.
"""

from itertools import product

import nir
import numpy as np

WIRES = (nir.Input, nir.Output)


class Wiring:
    """The nodes of a graph and of the graphs within it, and which feed which."""

    def __init__(self, graph):
        self.graph = graph
        self.nodes = {}
        self.feeds = {}
        self._collect((), graph)
        self.delayed = delayed_edges(self.feeds, list(graph.inputs))

    def _collect(self, path, graph):
        for name, node in graph.nodes.items():
            if isinstance(node, nir.NIRGraph):
                self._collect((*path, name), node)
            elif not path or not isinstance(node, WIRES):
                full = ".".join((*path, name))
                self.nodes[full] = node
                self.feeds[full] = self._into(path, name)

    def _graph(self, path):
        graph = self.graph
        for name in path:
            graph = graph.nodes[name]
        return graph

    def _into(self, path, name):
        """What arrives at a node, as often as it arrives."""
        edges = self._graph(path).edges
        return [
            source
            for pre, post in edges
            if post == name
            for source in self._of(path, pre)
        ]

    def _of(self, path, name):
        """Which nodes the output of a node, wire or graph is that of."""
        node = self._graph(path).nodes[name]
        if isinstance(node, nir.NIRGraph):
            inner = (*path, name)
            return [s for output in node.outputs for s in self._of(inner, output)]
        if path and isinstance(node, nir.Input):
            return self._into(path[:-1], path[-1])
        if path and isinstance(node, nir.Output):
            return self._into(path, name)
        return [".".join((*path, name))]


def delayed_edges(feeds, inputs):
    """Edges that carry the value of the step before."""
    edges = {(pre, post) for post, sources in feeds.items() for pre in sources}

    def reached(start, among, without=None):
        found, left = set(), [name for name in start if name != without]
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left += [b for a, b in among if a == name and b != without]
        return found

    from_inputs = reached(inputs, edges)
    delayed = {
        (pre, post)
        for pre, post in edges
        if pre in from_inputs and pre not in reached(inputs, edges, without=post)
    }
    while True:
        left = edges - delayed
        after = {
            name: reached([b for a, b in left if a == name], left) for name in feeds
        }
        cyclic = [name for name in feeds if name in after[name]]
        if not cyclic:
            return delayed
        first = min(cyclic)
        delayed |= {(a, b) for a, b in left if b == first and a in after[first]}


def run(graph, inputs, dt, discretization, record=()):
    """Compute a graph.

    ``inputs`` holds for each input an array ``(n_items, n_steps, size)``; so do the
    outputs, and the voltages of the nodes that are to be recorded.
    """
    wiring = Wiring(graph)
    nodes = {
        name: make(node, dt, discretization) for name, node in wiring.nodes.items()
    }
    n_items, n_steps, _ = next(iter(inputs.values())).shape
    order = topological(wiring)
    outputs = {name: [] for name in graph.outputs}
    voltages = {name: [] for name in record}
    before = {}
    for step in range(n_steps):
        now = {}
        for name in order:
            node = wiring.nodes[name]
            if isinstance(node, nir.Input):
                shape = tuple(np.ravel(node.input_type["input"]))
                now[name] = inputs[name][:, step].reshape(n_items, *shape)
                continue
            arriving = [
                before.get(pre) if (pre, name) in wiring.delayed else now[pre]
                for pre in wiring.feeds[name]
            ]
            arriving = [value for value in arriving if value is not None]
            x = sum(arriving[1:], start=arriving[0]) if arriving else None
            now[name] = nodes[name](x, n_items)
        for name, values in outputs.items():
            values.append(now[name].reshape(n_items, -1))
        for name, values in voltages.items():
            values.append(nodes[name].v.reshape(n_items, -1))
        before = now
    stacked = [
        {name: np.stack(values, axis=1) for name, values in kept.items()}
        for kept in (outputs, voltages)
    ]
    return stacked if record else stacked[0]


def topological(wiring):
    order = []

    def visit(name):
        if name not in order:
            for pre in wiring.feeds[name]:
                if (pre, name) not in wiring.delayed:
                    visit(pre)
            order.append(name)

    for name in wiring.nodes:
        visit(name)
    return order


def make(node, dt, discretization):
    """Return what computes a step of a node from its input and the number of items."""
    return {
        nir.Input: lambda *_: None,
        nir.Output: lambda *_: lambda x, n: x,
        nir.Flatten: Flatten,
        nir.Affine: Affine,
        nir.Linear: Affine,
        nir.Scale: Scale,
        nir.Conv1d: Convolution,
        nir.Conv2d: Convolution,
        nir.SumPool2d: Pooling,
        nir.AvgPool2d: Pooling,
        nir.Delay: Delay,
        nir.Threshold: Threshold,
    }.get(type(node), Membrane)(node, dt, discretization)


def as_float(value):
    return np.asarray(value, dtype=np.float64)


class Flatten:
    def __init__(self, node, *_):
        self.axes = node.start_dim, node.end_dim

    def __call__(self, x, n_items):
        shape = x.shape[1:]
        start, end = (axis % len(shape) for axis in self.axes)
        return x.reshape(n_items, *shape[:start], -1, *shape[end + 1 :])


class Affine:
    def __init__(self, node, *_):
        self.weight = as_float(node.weight)
        self.bias = as_float(getattr(node, "bias", 0.0))

    def __call__(self, x, n_items):
        if x is None:
            x = np.zeros((n_items, *self.weight.shape[:-2], self.weight.shape[-1]))
        return np.einsum("...oi,n...i->n...o", self.weight, x) + self.bias


class Scale:
    def __init__(self, node, *_):
        self.scale = as_float(node.scale)

    def __call__(self, x, n_items):
        return self.scale * (np.zeros((n_items, *self.scale.shape)) if x is None else x)


def per_axis(value, n_axes):
    return [int(v) for v in np.broadcast_to(np.ravel(value), n_axes)]


def windows(x, size, stride, dilation, padding):
    """For each place in the kernel what lies there, ``(n, channels, *positions)``."""
    x = np.pad(x, [(0, 0), (0, 0), *padding])
    lengths = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(x.shape[2:], size, stride, dilation, strict=True)
    ]
    for place in product(*map(range, size)):
        slices = [
            slice(p * d, p * d + s * (n - 1) + 1, s)
            for p, d, s, n in zip(place, dilation, stride, lengths, strict=True)
        ]
        yield place, x[(slice(None), slice(None), *slices)]


class Convolution:
    def __init__(self, node, *_):
        self.node = node

    def __call__(self, x, n_items):
        node, weight = self.node, as_float(self.node.weight)
        n_out, per_group, *size = weight.shape
        stride, dilation = (
            per_axis(value, len(size)) for value in (node.stride, node.dilation)
        )
        if isinstance(node.padding, str) and node.padding == "same":
            total = [d * (k - 1) for d, k in zip(dilation, size, strict=True)]
            padding = [(n // 2, n - n // 2) for n in total]
        else:
            number = 0 if isinstance(node.padding, str) else node.padding
            padding = [(n, n) for n in per_axis(number, len(size))]
        y = 0
        for place, part in windows(x, size, stride, dilation, padding):
            grouped = part.reshape(n_items, node.groups, per_group, *part.shape[2:])
            kernel = weight[(slice(None), slice(None), *place)]
            kernel = kernel.reshape(node.groups, n_out // node.groups, per_group)
            product_ = np.einsum("goc,ngc...->ngo...", kernel, grouped)
            y = y + product_.reshape(n_items, n_out, *part.shape[2:])
        return y + as_float(node.bias).reshape(-1, *[1] * len(size))


class Pooling:
    def __init__(self, node, *_):
        self.size, self.stride, padding = (
            per_axis(value, 2)
            for value in (node.kernel_size, node.stride, node.padding)
        )
        self.padding = [(n, n) for n in padding]
        averages = isinstance(node, nir.AvgPool2d)
        self.divisor = np.prod(self.size) if averages else 1

    def __call__(self, x, n_items):
        parts = windows(x, self.size, self.stride, (1, 1), self.padding)
        return sum(part for _, part in parts) / self.divisor


class Delay:
    def __init__(self, node, dt, _):
        self.steps = np.rint(as_float(node.delay) / dt).astype(int)
        self.past = []

    def __call__(self, x, n_items):
        shape = (n_items, *self.steps.shape)
        self.past.append(np.zeros(shape) if x is None else x)
        y = np.zeros(shape)
        for place, steps in np.ndenumerate(self.steps):
            if steps < len(self.past):
                index = (slice(None), *place)
                y[index] = self.past[-1 - steps][index]
        return y


class Threshold:
    def __init__(self, node, *_):
        self.threshold = as_float(node.threshold)

    def __call__(self, x, n_items):
        if x is None:
            x = np.zeros((n_items, *self.threshold.shape))
        return 1.0 * (x > self.threshold)


class Membrane:
    """All that integrates: I, IF, LI, LIF, CubaLI, CubaLIF."""

    def __init__(self, node, dt, discretization):
        self.node, self.dt, self.exact = node, dt, discretization == "exact"
        self.v = None

    def parameter(self, name):
        return as_float(getattr(self.node, name))

    def relax(self, v, towards, tau):
        if self.exact:
            return towards + (v - towards) * np.exp(-self.dt / tau)
        return v + self.dt / tau * (towards - v)

    def __call__(self, x, n_items):
        node, shape = self.node, (n_items, *np.shape(self.node.r))
        x = np.zeros(shape) if x is None else x
        if self.v is None:
            self.v, self.current = np.zeros(shape), np.zeros(shape)
        if isinstance(node, (nir.CubaLI, nir.CubaLIF)):
            self.current = self.relax(
                self.current, self.parameter("w_in") * x, self.parameter("tau_syn")
            )
            x = self.current
        charge = self.parameter("r") * x
        if isinstance(node, (nir.I, nir.IF)):
            self.v = self.v + self.dt * charge
        else:
            tau = self.parameter("tau" if hasattr(node, "tau") else "tau_mem")
            self.v = self.relax(self.v, self.parameter("v_leak") + charge, tau)
        if not hasattr(node, "v_threshold"):
            return self.v
        spikes = self.v > self.parameter("v_threshold")
        self.v = np.where(spikes, self.parameter("v_reset"), self.v)
        return 1.0 * spikes
