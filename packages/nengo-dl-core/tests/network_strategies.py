"""Random Nengo networks, and ways to simulate them, as hypothesis strategies.

Hypothesis chooses the structure. Numbers come from generators whose seeds it chooses,
and so are in general position: no neuron sits exactly at its threshold, where a single
rounding would decide about a spike.
"""

import os
from dataclasses import dataclass, field
from typing import Any

import nengo
import numpy as np
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from nengo import processes
from scipy.sparse import coo_matrix

import nengo_dl_optimizer as optimizer
from nengo_dl_core import LeakyReLU, SoftLIFRate, SpikingLeakyReLU

SEEDS = st.integers(0, 2**31 - 1)
SIZES = st.integers(1, 3)


def tried(n_examples):
    """How many of the examples are tried: at most ``NENGO_DL_EXAMPLES``."""
    return min(n_examples, int(os.environ.get("NENGO_DL_EXAMPLES", n_examples)))


def many(n_examples, batch=0):
    """Run a test for many examples, the same ones each time."""
    chosen = settings(
        max_examples=tried(n_examples),
        database=None,
        phases=[Phase.generate],  # a smaller network is seldom worth the time it takes
        suppress_health_check=list(HealthCheck),
    )
    return lambda test: seed(batch)(chosen(test))


def numbers(low, high):
    """A number in general position."""
    return SEEDS.map(lambda seed: np.random.default_rng(seed).uniform(low, high))


def arrays(shape, scale):
    """Normally distributed numbers, of root mean square ``scale``."""
    return SEEDS.map(
        lambda seed: np.random.default_rng(seed).normal(0, scale, size=shape)
    )


class Square(nengo.neurons.NeuronType):
    """A neuron type that our simulator does not know."""

    def step(self, dt, J, output):
        output[...] = np.minimum(J**2, 1e3)


AMPLITUDES = numbers(0.5, 2).map(lambda amplitude: {"amplitude": amplitude})
BEGINNINGS = st.sampled_from([{}, {"voltage": nengo.dists.Uniform(0, 0.9)}]).map(
    lambda initial_state: {"initial_state": initial_state}
)


def _made(kinds, *options):
    """Instances of neuron types, with options of all the strategies given."""
    return st.tuples(st.sampled_from(kinds), *options).map(
        lambda drawn: drawn[0](**{k: v for part in drawn[1:] for k, v in part.items()})
    )


RATE_TYPES = [
    nengo.LIFRate,
    nengo.AdaptiveLIFRate,
    nengo.RectifiedLinear,
    SoftLIFRate,
    LeakyReLU,
]
SPIKING_TYPES = [
    nengo.LIF,
    nengo.AdaptiveLIF,
    nengo.SpikingRectifiedLinear,
    SpikingLeakyReLU,
]
NEURON_TYPES = (
    _made(SPIKING_TYPES, AMPLITUDES, BEGINNINGS)
    | _made(RATE_TYPES, AMPLITUDES)
    | _made([nengo.Sigmoid, nengo.Tanh, nengo.Izhikevich, nengo.Direct])
    | st.sampled_from([nengo.LIFRate(), nengo.Tanh(), LeakyReLU()]).map(
        nengo.RegularSpiking
    )
)

STOCHASTIC_TYPES = st.tuples(
    st.sampled_from([nengo.StochasticSpiking, nengo.PoissonSpiking]),
    st.sampled_from([nengo.RectifiedLinear(), nengo.LIFRate(), nengo.Tanh()]),
).map(lambda kind_and_rates: kind_and_rates[0](kind_and_rates[1]))

SYNAPSES = (
    numbers(0.002, 0.02).map(nengo.Lowpass)
    | numbers(0.002, 0.02).map(nengo.Alpha)
    | numbers(0.002, 0.006).map(nengo.Triangle)
    | st.tuples(numbers(0.002, 0.02), numbers(0.01, 0.02)).map(
        lambda tau: nengo.LinearFilter([tau[0], 1], [tau[0] * tau[1], sum(tau), 1])
    )
    | numbers(0.005, 0.02).map(lambda tau: nengo.LinearFilter([tau / 2, 1], [tau, 1]))
    | numbers(0.2, 0.8).map(
        lambda pole: nengo.LinearFilter([1 - pole, 0], [1, -pole], analog=False)
    )
    | st.just(nengo.Lowpass(0))
)

TIME_PROCESSES = st.sampled_from(
    [
        processes.WhiteSignal(0.1, high=50, rms=0.5),
        processes.WhiteSignal(0.1, high=100, seed=3),
        processes.WhiteNoise(nengo.dists.Gaussian(0, 0.05)),
        processes.WhiteNoise(nengo.dists.Uniform(-1, 1), scale=False, seed=1),
        processes.FilteredNoise(nengo.Alpha(0.005)),
        processes.BrownNoise(),
    ]
)

SAMPLE_EVERY = st.sampled_from([None, None, 0.001, 0.002, 0.0025, 0.0034, 0.007])


@np.errstate(over="ignore")  # some random networks diverge
def square(x):
    return x**2


@np.errstate(over="ignore")
def product(x):
    return np.prod(x)


def first_and_zero(x):
    return [np.sin(x[0]), 0.0]


FUNCTIONS = st.sampled_from([(None, None), (square, None), (product, 1)]) | st.just(
    (first_and_zero, 2)
)


@dataclass(repr=False)
class Case:
    """A network, and a way to simulate it."""

    net: nengo.Network
    settings: dict[str, Any]
    options: dict[str, Any]
    pieces: list[int]
    dt: float
    seed: int

    def __repr__(self):
        lines = [f"{name}: {getattr(self, name)}" for name in self.__annotations__]
        for obj in self.net.all_objects:
            values = {p: getattr(obj, p, None) for p in ("synapse", "transform")}
            kind = {p: getattr(obj, p, None) for p in ("output", "neuron_type", "attr")}
            details = {k: v for k, v in {**values, **kind}.items() if v is not None}
            lines.append(f"{obj!r} {details}")
        return "\n".join(lines)


@dataclass
class _Network:
    """Draws the parts of a network, one after the other."""

    draw: Any
    python: bool  # whether steps may call into Python
    objects: list[Any] = field(default_factory=list)  # in the order of creation
    connections: list[Any] = field(default_factory=list)

    @property
    def neurons(self):
        return [x.neurons for x in self.objects if isinstance(x, nengo.Ensemble)]

    def choose(self, *options):
        return self.draw(st.sampled_from(options))

    def add_node(self):
        draw, size = self.draw, self.draw(SIZES)
        kinds = [
            "constant",
            "time",
            "process",
            "relay",
            "relay",
            "present",
            "piecewise",
        ]
        kind = self.choose(*kinds, *(["function", "sink", "filter"] * self.python))
        if kind == "constant":
            node = nengo.Node(draw(arrays(size, 0.7)))
        elif kind == "time":
            frequencies = draw(arrays(size, 50))
            node = nengo.Node(lambda t: np.sin(frequencies * t + 1), size_out=size)
        elif kind == "process":
            node = nengo.Node(draw(TIME_PROCESSES), size_out=size)
        elif kind == "piecewise":
            node = nengo.Node(processes.Piecewise({0.004: 0.3, 0.0113: -0.7}))
        elif kind == "present":
            inputs = draw(arrays((3, size), 0.7))
            node = nengo.Node(processes.PresentInput(inputs, draw(numbers(2e-3, 0.01))))
        elif kind == "relay":
            node = nengo.Node(size_in=draw(st.integers(1, 6)))
        elif kind == "function":
            weights = draw(arrays((draw(SIZES), size), 0.7))
            node = nengo.Node(lambda t, x: np.tanh(weights @ x) + t, size_in=size)
        elif kind == "sink":
            node = nengo.Node(lambda t, x: None, size_in=size, size_out=0)
        else:
            node = nengo.Node(draw(SYNAPSES), size_in=size, size_out=size)
        self.objects.append(node)

    def add_ensemble(self):
        draw = self.draw
        neuron_type = draw(
            NEURON_TYPES | st.just(Square()) if self.python else NEURON_TYPES
        )
        options = {}
        if self.python and draw(st.integers(0, 5)) == 5:
            options["noise"] = draw(TIME_PROCESSES)
        n_neurons = draw(st.integers(2, 12))
        if isinstance(neuron_type, Square):  # Nengo cannot invert it
            options["gain"] = 1 + np.abs(draw(arrays(n_neurons, 1)))
            options["bias"] = draw(arrays(n_neurons, 1))
        if draw(st.booleans()):
            options["radius"] = draw(numbers(0.5, 2))
        self.objects.append(
            nengo.Ensemble(
                n_neurons,
                draw(SIZES),
                neuron_type=neuron_type,
                seed=draw(SEEDS),
                **options,
            )
        )

    def add_subnetwork(self):
        """Some objects in a network of their own."""
        with nengo.Network():
            for _ in range(self.draw(st.integers(1, 2))):
                self.choose(self.add_node, self.add_ensemble)()

    def view(self, obj, size):
        """A part of an object."""
        if size == 1 or self.draw(st.booleans()):
            return obj
        picks = [slice(None, -1), slice(1, None), slice(None, None, 2), slice(0, 1)]
        picks += [slice(None, None, -1), [size - 1, 0]]
        return obj[self.choose(*picks)]

    def add_connection(self):
        draw = self.draw
        sources = [x for x in self.objects if x.size_out]
        targets = [x for x in self.objects if x.size_in]
        if not sources or not targets:
            return
        pre_obj, post_obj = self.choose(*sources), self.choose(*targets)
        pre = self._maybe_neurons(pre_obj)
        post = self._maybe_neurons(post_obj)
        forward = self.objects.index(pre_obj) < self.objects.index(post_obj)
        synapse = draw(st.none() | SYNAPSES if forward else SYNAPSES)
        pre = self.view(pre, pre.size_out)
        function, size_mid = None, None
        decoded = isinstance(pre_obj, nengo.Ensemble) and not _is_neurons(pre)
        if decoded and not _is_direct(pre_obj):
            function, size_mid = draw(FUNCTIONS)
        elif self.python and (decoded or getattr(pre_obj, "output", None) is not None):
            function, size_mid = draw(FUNCTIONS)  # of a Node or of Direct neurons
        size_mid = size_mid or pre.size_out
        scale = 0.02 if _is_neurons(pre) else 0.6
        if not decoded and function is None and draw(st.integers(0, 3)) == 3:
            transform = self._convolution(size_mid, scale)
            if transform is not None:
                post = nengo.Node(size_in=transform.size_out)
                self.objects.append(post)
        else:
            post = self.view(post, post.size_in)
            transform = self._transform(post.size_in, size_mid, scale, not decoded)
        options = {}
        if function is not None:
            options["function"] = function
        if transform is not None:
            options["transform"] = transform
        elif post.size_in != size_mid:
            return
        learns = decoded or np.ndim(transform) == 2
        conn = nengo.Connection(
            pre,
            post,
            synapse=synapse,
            seed=draw(SEEDS),
            **options,
            **(self._learning(pre, post, size_mid) if learns else {}),
        )
        self.connections.append(conn)
        for rule in _rules(conn):
            self._supervise(rule)

    def _maybe_neurons(self, obj):
        if isinstance(obj, nengo.Node) or _is_direct(obj) or self.draw(st.booleans()):
            return obj
        return obj.neurons

    def _transform(self, size_out, size_in, scale, sparse):
        draw = self.draw
        kinds = ["matrix", "matrix"] + ["sparse"] * sparse
        if size_in == size_out:
            kinds += ["default", "default", "none", "scalar", "vector"]
        kind = self.choose(*kinds)
        if kind == "default":
            return None
        if kind == "none":
            return nengo.transforms.NoTransform(size_in)
        if kind == "scalar":
            return draw(numbers(-scale, scale))
        if kind == "vector":
            return draw(arrays(size_in, scale))
        matrix = draw(arrays((size_out, size_in), scale))
        if kind == "matrix":
            return matrix
        matrix[np.random.default_rng(draw(SEEDS)).random(matrix.shape) < 0.5] = 0
        matrix[-1, 0] = scale
        entries = coo_matrix(matrix)
        return nengo.Sparse(matrix.shape, init=entries)

    def _convolution(self, size, scale):
        """A convolution of as many values as there are."""
        draw = self.draw
        channels = self.choose(*(n for n in (1, 2, 3, 4) if size % n == 0))
        pixels = size // channels
        heights = [n for n in (2, 3, 4) if pixels % n == 0]
        spatial = (pixels,)
        if heights and draw(st.booleans()):
            height = self.choose(*heights)
            spatial = (height, pixels // height)
        last = draw(st.booleans())
        kernel = tuple(draw(st.integers(1, min(3, n))) for n in spatial)
        transposed = draw(st.booleans())
        options = {}
        if not transposed and channels > 1 and draw(st.booleans()):
            options["groups"] = channels
        n_filters = draw(st.integers(1, 2)) * options.get("groups", 1)
        shape = (*kernel, channels // options.get("groups", 1), n_filters)
        kind = nengo.ConvolutionTranspose if transposed else nengo.Convolution
        return kind(
            n_filters,
            (*spatial, channels) if last else (channels, *spatial),
            kernel_size=kernel,
            strides=tuple(draw(st.integers(1, 2)) for _ in spatial),
            padding=self.choose("valid", "same"),
            channels_last=last,
            init=draw(arrays(shape, scale)),
            **options,
        )

    def _learning(self, pre, post, size_mid):
        """Learning rules that fit a connection, as its options."""
        draw = self.draw
        if draw(st.integers(0, 2)) > 0:
            return {}
        rules, options = [], {}
        if _is_neurons(pre) and _is_neurons(post):
            rules = [nengo.PES(1e-4)]
            if pre in self.neurons and post in self.neurons:  # and no parts of them
                rules += [nengo.BCM(1e-8), nengo.Oja(1e-6)]
        elif isinstance(pre, nengo.Ensemble) and not _is_direct(pre):
            rules = [nengo.PES(1e-3)]
            error = getattr(getattr(post, "obj", post), "ensemble", post)
            if size_mid == post.size_in == error.size_in:
                rules.append(nengo.RLS(1e-3))
            whole = pre in self.objects and post in self.objects
            if whole and isinstance(post, nengo.Ensemble) and not _is_direct(post):
                if draw(st.booleans()):
                    options["solver"] = nengo.solvers.LstsqL2(weights=True)
                    rules = [nengo.PES(1e-4), nengo.BCM(1e-9), nengo.Oja(1e-7)]
                else:
                    post_synapse = draw(st.sampled_from([None, 0.01]))
                    rules.append(nengo.Voja(post_synapse=post_synapse))
        if not rules:
            return {}
        chosen = draw(
            st.lists(st.sampled_from(rules), min_size=1, max_size=2, unique=True)
        )
        chosen = chosen[0] if len(chosen) == 1 else chosen
        return {"learning_rule_type": chosen, **options}

    def _supervise(self, rule):
        sources = [x for x in self.objects if x.size_out]
        if rule.size_in and self.draw(st.integers(0, 3)) > 0:
            error = self.choose(*sources)
            matrix = self.draw(arrays((rule.size_in, error.size_out), 0.5))
            nengo.Connection(error, rule, transform=matrix)

    def add_probe(self):
        draw = self.draw
        targets = [x for x in self.objects if x.size_out]
        target = self.choose(*targets, *self.connections)
        options = {"sample_every": draw(SAMPLE_EVERY)}
        if isinstance(target, nengo.Connection):
            rules = _rules(target)
            if rules and draw(st.booleans()):
                target = self.choose(*rules)
            attributes = list(target.probeable)
            if "weights" in attributes and not _has_dense_weights(target):
                attributes.remove("weights")
            options["attr"] = self.choose(*attributes)
        elif not _is_direct(target) and isinstance(target, nengo.Ensemble):
            target = self.choose(target, target.neurons)
            if _is_neurons(target):
                options["attr"] = self.choose(*target.probeable)
        if "attr" not in options:
            options["synapse"] = draw(st.none() | SYNAPSES)
            target = self.view(target, target.size_out)
        nengo.Probe(target, **options)


def _is_neurons(obj):
    return isinstance(getattr(obj, "obj", obj), nengo.ensemble.Neurons)


def _is_direct(obj):
    obj = getattr(obj, "obj", obj)
    return isinstance(getattr(obj, "neuron_type", None), nengo.Direct)


def _has_dense_weights(conn):
    if isinstance(conn.pre_obj, nengo.Ensemble):
        return True
    others = nengo.transforms.NoTransform, nengo.transforms.Sparse
    return not isinstance(conn.transform, others)


def _rules(conn):
    rule = conn.learning_rule
    return rule if isinstance(rule, list) else [] if rule is None else [rule]


@st.composite
def networks(draw, python):
    """A small network of everything that Nengo offers.

    Parameters
    ----------
    python : bool
        Whether it may contain what calls Python in every step.
    """
    with nengo.Network(seed=draw(SEEDS)) as net:
        net.config[nengo.Ensemble].n_eval_points = 40
        parts = _Network(draw, python)
        parts.add_ensemble()
        for _ in range(draw(st.integers(1, 4))):
            add = [parts.add_node, parts.add_ensemble, parts.add_subnetwork]
            parts.choose(*add)()
        for _ in range(draw(st.integers(1, 7))):
            parts.add_connection()
        for _ in range(draw(st.integers(1, 5))):
            parts.add_probe()
    return net


PLANNERS = st.sampled_from(
    [
        None,
        optimizer.greedy_planner,
        optimizer.layered_planner,
        optimizer.tree_planner,
        optimizer.transitive_planner,
        optimizer.noop_planner,
    ]
)
SORTERS = st.sampled_from([None, optimizer.order_signals, optimizer.noop_order_signals])
SIMPLIFICATIONS = st.none() | st.lists(
    st.sampled_from(optimizer.default_simplifications), unique=True
)


@st.composite
def cases(draw, jit_compile):
    """A network, and a way to simulate it."""
    n_steps = draw(st.integers(20, 40))
    cut = draw(st.integers(1, n_steps))
    return Case(
        net=draw(networks(python=jit_compile is False)),
        settings={
            "dtype": "float64",
            "jit_compile": jit_compile,
            "planner": draw(PLANNERS),
            "sorter": draw(SORTERS),
            "simplifications": draw(SIMPLIFICATIONS),
            "trainable": draw(st.sampled_from([None, True, False])),
            "inference_only": draw(st.booleans()),
        },
        options={
            "unroll_simulation": draw(st.integers(1, 3)),
            "minibatch_size": draw(st.sampled_from([None, None, 1, 2, 3])),
        },
        pieces=[n for n in (cut, n_steps - cut) if n],
        dt=draw(st.sampled_from([0.001, 0.001, 0.0005])),
        seed=draw(st.integers(0, 1000)),
    )


@st.composite
def stochastic_networks(draw):
    """Layers of neurons that spike at random, after an input that stays.

    Every probe records the last step of 20 only, so that what it has recorded in a long
    run is close to independent.
    """
    with nengo.Network(seed=draw(SEEDS)) as net:
        net.config[nengo.Ensemble].n_eval_points = 40
        source = nengo.Node(draw(arrays(2, 0.7)))
        for _ in range(draw(st.integers(1, 3))):
            ensemble = nengo.Ensemble(
                draw(st.integers(4, 12)),
                draw(SIZES),
                neuron_type=draw(STOCHASTIC_TYPES),
            )
            transform = draw(arrays((ensemble.size_in, source.size_out), 0.6))
            synapse = nengo.Lowpass(draw(numbers(0.002, 0.004)))
            nengo.Connection(source, ensemble, transform=transform, synapse=synapse)
            nengo.Probe(ensemble, synapse=synapse, sample_every=0.02)
            source = ensemble
    return net
