"""Random NIR graphs, for hypothesis.

Hypothesis chooses what nodes there are and how they are connected; all numbers are in
general position, so that no voltage meets a threshold exactly.
"""

from math import prod
from typing import NamedTuple

import nir
import numpy as np
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**31 - 1)


class Case(NamedTuple):
    graph: nir.NIRGraph
    inputs: dict
    dt: float
    discretization: str

    def __repr__(self):
        nodes = [f"{name}: {type(n).__name__}" for name, n in self.graph.nodes.items()]
        return f"{nodes}, {self.graph.edges}, {self.dt}, {self.discretization}"


@st.composite
def cases(draw, n_steps=12):
    """A graph, inputs for it, and how to compute it."""
    dt = draw(st.sampled_from([1e-4, 1e-3, 1.0]))
    maker = Maker(draw, np.random.default_rng(draw(SEEDS)), dt)
    graph = maker.graph()
    n_items = draw(st.sampled_from([1, 3]))
    inputs = {
        name: maker.rng.normal(0, 2, (n_items, n_steps, prod(maker.shapes[name])))
        for name in graph.inputs
    }
    for values in inputs.values():
        if draw(st.booleans()):
            values[...] = values > 1
    return Case(graph, inputs, dt, draw(st.sampled_from(["exact", "euler"])))


class Maker:
    """Makes graphs; remembers the shape of every node's output."""

    def __init__(self, draw, rng, dt):
        self.draw, self.rng, self.dt = draw, rng, dt
        self.nodes, self.edges, self.shapes = {}, [], {}

    def among(self, *values):
        return self.draw(st.sampled_from(values))

    def graph(self):
        for i in range(self.draw(st.integers(1, 2))):
            shape = self.among((3,), (2,), (2, 5), (2, 5, 4))
            self.add(f"in{i}", nir.Input(np.array(shape)), shape)
        for i in range(self.draw(st.integers(1, 6))):
            # Names in an order that is not that of the nodes.
            self.grow(f"{self.draw(st.integers(0, 9))}n{i}")
        for pre in list(self.shapes):
            if self.draw(st.booleans()):
                self.feed_back(pre)
        used = {pre for pre, _ in self.edges}
        ends = [name for name in self.shapes if name not in used]
        for i, pre in enumerate(ends or [list(self.shapes)[-1]]):
            shape = np.array(self.shapes[pre])
            self.add(f"out{i}", nir.Output(shape), self.shapes[pre], pre)
        edges = self.draw(st.permutations(self.edges))
        return nir.NIRGraph(self.nodes, edges, type_check=False)

    def add(self, name, node, shape, *feeding):
        self.nodes[name] = node
        self.shapes[name] = tuple(map(int, shape))
        self.edges += [(pre, name) for pre in feeding]

    def grow(self, name):
        pre = self.draw(st.sampled_from(sorted(self.shapes)))
        shape = self.shapes[pre]
        others = [other for other in sorted(self.shapes) if self.shapes[other] == shape]
        feeding = [pre, *self.draw(st.lists(st.sampled_from(others), max_size=2))]
        kinds = ["Scale", "Delay", "Threshold", "I", "IF", "LI", "LIF", "CubaLI"]
        kinds += ["CubaLIF", "CubaLIF", "LIF", "Linear", "Affine", "loop", "loop"]
        kinds += {
            2: ["Conv1d"] * 9,
            3: ["Conv2d"] * 9 + ["SumPool2d", "AvgPool2d"] * 3,
        }.get(len(shape), [])
        kinds += ["Flatten"] * 3 * (len(shape) > 1)
        kind = self.among(*kinds)
        if kind == "loop":
            return self.add(name, self.loop(shape), shape, *feeding)
        node, given = getattr(self, kind.lower())(shape)
        return self.add(name, node, given, *feeding)

    def loop(self, shape):
        """A graph with neurons that feed back to themselves, as snnTorch writes it."""
        size = np.array(shape)
        kind = self.among("LIF", "CubaLIF", "IF", "CubaLI")
        back, _ = self.affine(shape) if len(shape) == 1 else self.scale(shape)
        names = self.draw(st.permutations(["in0", "a", "b", "out"]))
        edges = [(0, 1), (1, 2), (2, 1), (1, 3)]
        nodes = [
            nir.Input(size),
            getattr(self, kind.lower())(shape)[0],
            back,
            nir.Output(size),
        ]
        return nir.NIRGraph(
            dict(zip(names, nodes, strict=True)),
            [(names[pre], names[post]) for pre, post in edges],
            type_check=False,
        )

    def feed_back(self, pre):
        """Lead the output of a node to one that may come before it."""
        fits = [
            name
            for name, node in self.nodes.items()
            if not isinstance(node, nir.Input) and self.taken(name) == self.shapes[pre]
        ]
        # Analog values may grow without bound in a cycle.
        spikes = isinstance(
            self.nodes[pre], (nir.IF, nir.LIF, nir.CubaLIF, nir.Threshold)
        )
        if fits and spikes:
            self.edges.append((pre, self.draw(st.sampled_from(fits))))

    def taken(self, name):
        """Shape of what feeds a node."""
        return next(self.shapes[pre] for pre, post in self.edges if post == name)

    def numbers(self, shape, low, high):
        return self.rng.uniform(low, high, shape)

    def weights(self, *shape):
        return self.rng.normal(0, 1.5 / np.sqrt(shape[-1]), shape)

    def scale(self, shape):
        return nir.Scale(self.numbers(shape, -1, 1)), shape

    def linear(self, shape):
        n = self.draw(st.integers(1, 4))
        return nir.Linear(self.weights(*shape[:-1], n, shape[-1])), (*shape[:-1], n)

    def affine(self, shape):
        same = self.draw(st.booleans())
        weight = self.weights(*shape[:-1], shape[-1], shape[-1])
        bias = self.weights(*shape) if same else self.weights(shape[-1])
        return nir.Affine(weight, bias), shape

    def flatten(self, shape):
        start = self.draw(st.integers(0, len(shape) - 1))
        end = self.draw(st.integers(start, len(shape) - 1))
        given = (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :])
        end -= len(shape) * self.draw(st.booleans())
        return nir.Flatten(None, start, end), given

    def delay(self, shape):
        steps = self.rng.integers(0, self.among(2, 4, 20), shape)
        return nir.Delay(
            (steps * self.dt).astype(self.among("float32", "float64"))
        ), shape

    def threshold(self, shape):
        return nir.Threshold(self.numbers(shape, -1, 1)), shape

    def tau(self, shape):
        return self.dt * self.numbers(shape, 1.1, 6)

    def r(self, shape):
        return self.numbers(shape, 0.2, 3) * self.among(1, 1, -1)

    def spikes(self, shape):
        return {
            "v_threshold": self.numbers(shape, 0.1, 1),
            "v_reset": self.numbers(shape, -0.5, self.among(0, 0.1, 2)),
        }

    def leaky(self, shape, tau="tau"):
        v_leak = self.numbers(shape, -0.5, self.among(0, 0.5, 1.2))
        return {tau: self.tau(shape), "r": self.r(shape), "v_leak": v_leak}

    def cuba(self, shape):
        more = {"tau_syn": self.tau(shape), "w_in": self.numbers(shape, 0.5, 2)}
        return self.leaky(shape, "tau_mem") | more

    def i(self, shape):
        return nir.I(self.r(shape) / self.dt), shape

    def if_(self, shape):
        return nir.IF(self.r(shape) / self.dt, **self.spikes(shape)), shape

    def li(self, shape):
        return nir.LI(**self.leaky(shape)), shape

    def lif(self, shape):
        return nir.LIF(**self.leaky(shape), **self.spikes(shape)), shape

    def cubali(self, shape):
        return nir.CubaLI(**self.cuba(shape)), shape

    def cubalif(self, shape):
        return nir.CubaLIF(**self.cuba(shape), **self.spikes(shape)), shape

    def window(self, lengths, dilation=None):
        """Sizes, padding and stride of a window that fits at least once."""
        dilation = dilation or (1,) * len(lengths)
        padding = tuple(self.draw(st.integers(0, 2)) for _ in lengths)
        size = tuple(
            self.draw(st.integers(1, max(1, min(3, (n + 2 * p - 1) // d + 1))))
            for n, p, d in zip(lengths, padding, dilation, strict=True)
        )
        stride = tuple(self.draw(st.integers(1, 3)) for _ in lengths)
        given = tuple(
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, p, k, s, d in zip(
                lengths, padding, size, stride, dilation, strict=True
            )
        )
        return size, stride, padding, given

    def sumpool2d(self, shape, kind=nir.SumPool2d):
        size, stride, padding, given = self.window(shape[1:])
        return kind(*map(np.array, (size, stride, padding))), (shape[0], *given)

    def avgpool2d(self, shape):
        return self.sumpool2d(shape, nir.AvgPool2d)

    def conv1d(self, shape):
        return self.convolution(shape, nir.Conv1d)

    def conv2d(self, shape):
        return self.convolution(shape, nir.Conv2d)

    def convolution(self, shape, kind):
        n_channels, *lengths = shape
        dilation = tuple(self.among(1, 1, 2) for _ in lengths)
        size, stride, padding, given = self.window(lengths, dilation)
        word = self.among("number", "number", "same", "valid")
        if word == "same":
            padding, stride, given = "same", (1,) * len(lengths), tuple(lengths)
        fits = all(
            d * (k - 1) < n for d, k, n in zip(dilation, size, lengths, strict=True)
        )
        if word == "valid" and fits:
            padding = "valid"
            given = tuple(
                (n - d * (k - 1) - 1) // s + 1
                for n, d, k, s in zip(lengths, dilation, size, stride, strict=True)
            )
        groups = 2 if n_channels % 2 == 0 and self.draw(st.booleans()) else 1
        n_filters = groups * self.draw(st.integers(1, 2))
        weight = self.weights(n_filters, n_channels // groups, *size)
        if kind is nir.Conv1d:
            stride, dilation = stride[0], dilation[0]
            padding = padding if isinstance(padding, str) else padding[0]
        node = kind(
            None, weight, stride, padding, dilation, groups, self.weights(n_filters)
        )
        return node, (n_filters, *given)


setattr(Maker, "if", Maker.if_)
