"""Random operator graphs of all of Nengo's operator types, and some others.

Operators are added one by one, each in a way that seldom makes a cycle: it reads what
is there, and sets and increments only memory that nothing has read yet. Two operators
that update what the other one reads still make one. Numbers are small
multiples of powers of two, so that sums come out the same in any order for as long as
nothing but sums and products is done to them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import nengo
import numpy as np
from nengo.builder.learning_rules import SimBCM, SimOja, SimPES, SimRLS, SimVoja
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import (
    BsrDotInc,
    Copy,
    DotInc,
    ElementwiseInc,
    Operator,
    Reset,
    SimPyFunc,
    SparseDotInc,
    TimeUpdate,
)
from nengo.builder.probe import SimProbe
from nengo.builder.processes import SimProcess
from nengo.builder.signal import Signal
from nengo.builder.transforms import ConvInc, ConvTransposeInc
from nengo.transforms import SparseMatrix
from nengo.utils.graphs import toposort
from nengo.utils.simulator import operator_dependency_graph

from nengo_dl_optimizer import (
    ConvSet,
    ConvTransposeSet,
    DotSet,
    ElementwiseSet,
    ResetInc,
    SignalFacts,
    SparseDotSet,
)

Shape = tuple[int, ...]


class Accumulate(Operator):
    """An operator type that the optimizer has never heard of.

    It sets ``total`` to its old value plus the sum of ``x``, and ``mean`` to the mean.
    """

    overwrites = (1,)

    def __init__(self, x: Signal, total: Signal, mean: Signal) -> None:
        super().__init__()
        self.sets = [total, mean]
        self.incs = []
        self.reads = [x]
        self.updates = []

    def make_step(self, signals, dt, rng):
        total, mean = (signals[signal] for signal in self.sets)
        x = signals[self.reads[0]]

        def step():
            total[...] += x.sum()
            mean[...] = x.mean()

        return step


@dataclass
class RandomGraph:
    """A random graph with what is needed to run it."""

    operators: list[Operator]
    facts: dict[Signal, SignalFacts]
    given: dict[Signal, np.ndarray]  # values of trainable and external signals
    probed: list[Signal]


@dataclass
class _Memory:
    """What has been done to each byte of a base signal."""

    incremented: np.ndarray
    read: np.ndarray
    set: np.ndarray
    updated: np.ndarray


@dataclass
class _Maker:
    rng: random.Random
    operators: list[Operator] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    memories: dict[Signal, _Memory] = field(default_factory=dict)
    facts: dict[Signal, SignalFacts] = field(default_factory=dict)
    given: dict[Signal, np.ndarray] = field(default_factory=dict)
    reading: set[Signal] = field(default_factory=set)  # by the operator in the making

    def flip(self, chance: float) -> bool:
        return self.rng.random() < chance

    # --- signals

    def values(self, shape: Shape) -> np.ndarray:
        style = self.rng.randrange(8)
        if style == 0:
            return np.zeros(shape)
        if style == 1:
            return np.ones(shape)
        if style == 2 and len(shape) == 2 and shape[0] == shape[1]:
            return np.eye(shape[0])
        size = int(np.prod(shape, dtype=int))
        numbers = [self.rng.choice((-1, -0.5, 0, 0.5, 1, 2)) for _ in range(size)]
        return np.array(numbers, dtype=float).reshape(shape)

    def add_signal(self, value: object) -> Signal:
        signal = Signal(value)
        self.signals.append(signal)
        n_bytes = 1 if signal.sparse else signal.nbytes
        self.memories[signal] = _Memory(*np.zeros((4, n_bytes), dtype=bool))
        if self.flip(0.3):
            self.facts[signal] = SignalFacts(minibatched=True)
        return signal

    def new(self, shape: Shape) -> Signal:
        return self.add_signal(self.values(shape))

    def constant(self, shape: Shape) -> Signal:
        """Return a signal that no operator will write, with facts that may matter."""
        signal = self.new(shape)
        self.memories[signal].read[:] = True
        self.memories[signal].updated[:] = True
        if self.flip(0.2):
            trainable = self.rng.choice((True, False, None))
            external = trainable is None or self.flip(0.2)
            self.facts[signal] = SignalFacts(trainable=trainable, external=external)
            self.given[signal] = self.values(shape)
        return signal

    def views(self, signal: Signal, shape: Shape) -> list[Signal]:
        """Return views of a signal that have a shape, of one at random each."""
        if signal.sparse:
            return []
        n = signal.shape[0] if signal.ndim else 0
        items: list[object] = [...]
        if n > 1:
            start = self.rng.randrange(n)
            items.append(slice(start, self.rng.randint(start + 1, n)))
            items.append(slice(None, None, self.rng.choice((2, -1))))
        if signal.ndim == 2:
            items.append((slice(None), self.rng.randrange(signal.shape[1])))
        value = signal.initial_value
        views = [signal[item] for item in items if value[item].shape == shape]
        if not views and signal.size == np.prod(shape, dtype=int):
            views.append(signal.reshape(shape))
        return views

    def readable(self, shape: Shape) -> Signal:
        """Return something of a shape to read, and close its memory for writing."""
        found = [
            view
            for signal in self.rng.sample(self.signals, min(8, len(self.signals)))
            for view in self.views(signal, shape)
        ]
        if not found or self.flip(0.2):
            return self.constant(shape)
        view = self.rng.choice(found)
        self.memories[view.base].read[_extent(view)] = True
        self.reading.add(view.base)
        return view

    def target(self, shape: Shape, access: str) -> Signal:
        """Return something of a shape to write; often what others write, too."""
        for signal in self.rng.sample(self.signals, min(6, len(self.signals))):
            for view in self.views(signal, shape):
                if self.may(access, view):
                    return self.write(access, view)
        if shape and self.flip(0.3):  # a part of something larger
            larger = self.new((shape[0] + self.size(), *shape[1:]))
            start = self.rng.choice((0, larger.shape[0] - shape[0]))
            return self.write(access, larger[start : start + shape[0]])
        return self.write(access, self.new(shape))

    def may(self, access: str, view: Signal) -> bool:
        memory = self.memories[view.base]
        where = _extent(view)
        if access == "update":
            return not (memory.updated[where].any() or view.base in self.reading)
        if memory.read[where].any():
            return False
        if access == "set":
            return not (memory.set[where].any() or memory.incremented[where].any())
        return True

    def write(self, access: str, view: Signal) -> Signal:
        memory = self.memories[view.base]
        {"set": memory.set, "inc": memory.incremented, "update": memory.updated}[
            access
        ][_extent(view)] = True
        return view

    def shape(self) -> Shape:
        n, m = self.size(), self.size()
        return self.rng.choice(((), (n,), (n,), (n,), (n, m)))

    def size(self) -> int:
        return self.rng.choice(self.sizes)

    # --- operators; reads come first, as they keep the operator from writing them

    def reset(self) -> Operator:
        value = self.rng.choice((0, 0, 0, 1, -0.5))
        if self.flip(0.1):
            return ResetInc(self.target(self.shape(), "inc"), value=value)
        return Reset(self.target(self.shape(), "set"), value=value)

    def copy(self) -> Operator:
        shape = self.shape()
        source = self.readable(shape)
        inc = self.flip(0.6)
        return Copy(source, self.target(shape, "inc" if inc else "set"), inc=inc)

    def copy_of_elements(self) -> Operator:
        n = self.rng.randint(2, 4)
        source = self.readable((n,))
        src_slice = [self.rng.randrange(-n, n) for _ in range(self.size())]
        if self.flip(0.5):
            target = self.target((len(src_slice),), "inc")
            return Copy(source, target, src_slice=src_slice, inc=True)
        m = self.rng.randint(len(src_slice), 4)
        inc = self.flip(0.7)
        if inc:
            dst_slice = [self.rng.randrange(m) for _ in src_slice]
        else:
            dst_slice = self.rng.sample(range(m), len(src_slice))
        target = self.target((m,), "inc" if inc else "set")
        return Copy(source, target, src_slice=src_slice, dst_slice=dst_slice, inc=inc)

    def product(self) -> Operator:
        n = self.size()
        shape = self.rng.choice(((n,), (n,), (n, self.size())))
        broadcast = self.rng.choice(((), (1,) * len(shape), shape, shape))
        factors = [self.readable(broadcast), self.readable(shape)]
        self.rng.shuffle(factors)
        if self.flip(0.2):
            return ElementwiseSet(*factors, self.target(shape, "set"))
        return ElementwiseInc(*factors, self.target(shape, "inc"))

    def dot(self) -> Operator:
        n, m = self.size(), self.size()
        if self.flip(0.2):
            a, x = self.readable(()), self.readable((n,))
        else:
            a, x = self.readable((n, m)), self.readable((m,))
        if self.flip(0.2):
            return DotSet(a, x, self.target((n,), "set"))
        return DotInc(a, x, self.target((n,), "inc"))

    def sparse_dot(self) -> Operator:
        n, m = self.size(), self.size()
        nnz = self.size()
        indices = [(self.rng.randrange(n), self.rng.randrange(m)) for _ in range(nnz)]
        matrix = SparseMatrix(indices, self.values((nnz,)), (n, m))
        a = self.add_signal(matrix.allocate() if self.flip(0.5) else matrix)
        self.memories[a].read[:] = self.memories[a].updated[:] = True
        x = self.readable((m,))
        if self.flip(0.2):
            return SparseDotSet(a, x, self.target((n,), "set"))
        return SparseDotInc(a, x, self.target((n,), "inc"))

    def block_sparse_dot(self) -> Operator:
        k, r, c = self.size(), self.size(), self.size()
        a = self.constant((k, r, c))
        x = self.readable((k * c,))
        indices, indptr = np.arange(k), np.arange(k + 1)
        y = self.target((k * r,), "inc")
        return BsrDotInc(a, x, y, indices, indptr, reshape=False)

    def convolution(self) -> Operator:
        transform = nengo.Convolution(
            n_filters=2, input_shape=(4, 1), kernel_size=(2,), strides=(1,)
        )
        if self.flip(0.3):
            transform = nengo.ConvolutionTranspose(
                n_filters=1, input_shape=(2, 2), kernel_size=(2,), strides=(1,)
            )
            w, x = self.readable((2, 2, 1)), self.readable((4,))
            types = ConvTransposeSet, ConvTransposeInc
        else:
            w, x = self.readable((2, 1, 2)), self.readable((4,))
            types = ConvSet, ConvInc
        size = transform.output_shape.size
        if self.flip(0.3):
            return types[0](w, x, self.target((size,), "set"), transform)
        return types[1](w, x, self.target((size,), "inc"), transform)

    def function(self) -> Operator:
        n = self.size()
        t = self.time if self.flip(0.5) else None
        x = self.readable((n,)) if t is None or self.flip(0.5) else None
        function = _function(n, t is not None, x is not None)
        output = self.target((n,), "set") if self.flip(0.9) else None
        return SimPyFunc(output, function, t, x)

    def process(self) -> Operator:
        n = self.size()
        mode = self.rng.choice(("update", "update", "set", "inc"))
        if self.flip(0.3):
            process, x = nengo.processes.WhiteNoise(seed=self.rng.randrange(99)), None
        else:
            process = self.rng.choice(
                (nengo.Lowpass(0.005), nengo.Lowpass(0), nengo.Alpha(0.01))
            )
            x = self.readable((n,))
        y = self.target((n,), mode)
        state = process.make_state((n,), (n,), 0.001)
        return SimProcess(
            process, x, y, self.time, mode=mode, state=self.private_state(state)
        )

    def private_state(self, values: dict[str, np.ndarray]) -> dict[str, Signal]:
        state = {name: Signal(value) for name, value in values.items()}
        self.facts.update((s, SignalFacts(minibatched=True)) for s in state.values())
        return state

    def neurons(self) -> Operator:
        neuron_type = self.rng.choice(
            (
                nengo.LIF(),
                nengo.LIFRate(),
                nengo.RectifiedLinear(),
                nengo.SpikingRectifiedLinear(),
                nengo.AdaptiveLIF(),
                nengo.Sigmoid(),
            )
        )
        n = self.size()
        j = self.readable((n,))
        output = self.target((n,), "set")
        state = neuron_type.make_state(n, rng=np.random.RandomState(0))
        return SimNeurons(neuron_type, j, output, state=self.private_state(state))

    def learning_rule(self) -> Operator:
        n, m = self.rng.randint(2, 4), self.rng.randint(2, 4)
        pre, post = self.readable((n,)), self.readable((m,))
        rule = self.rng.choice((SimPES, SimBCM, SimOja, SimVoja, SimRLS))
        theta, weights = self.readable((m,)), self.readable((m, n))
        learning = self.readable((1,))
        delta = self.target((m, n), "update")
        if rule is SimPES:
            return SimPES(pre, post, delta, 0.5)
        if rule is SimBCM:
            return SimBCM(pre, post, theta, delta, 0.5)
        if rule is SimOja:
            return SimOja(pre, post, weights, delta, 0.5, 1.0)
        if rule is SimVoja:
            return SimVoja(pre, post, weights, delta, np.ones(m), learning, 0.5)
        return SimRLS(pre, post, delta, Signal(np.eye(n)))

    def unknown(self) -> Operator:
        x = self.readable(self.shape())
        return Accumulate(x, self.target((), "set"), self.target((), "set"))

    def probe(self) -> Operator:
        return SimProbe(self.readable(self.shape()))

    def make(self, n_operators: int) -> RandomGraph:
        step, self.time = Signal(np.array(0)), Signal(np.array(0.0))
        # Few different sizes, so that many operators are alike.
        self.sizes = self.rng.sample(range(1, 5), self.rng.randint(1, 3))
        self.operators.append(TimeUpdate(step, self.time))
        makers = [
            *[self.reset, self.copy] * 4,
            *[self.copy_of_elements, self.product, self.dot, self.process] * 2,
            *[self.sparse_dot, self.block_sparse_dot, self.convolution],
            *[self.function, self.neurons, self.learning_rule, self.unknown],
        ]
        for _ in range(n_operators):
            self.reading.clear()
            self.operators.append(self.rng.choice(makers)())
        while _has_cycle(self.operators):
            self.operators.pop()
        bases = dict.fromkeys(s.base for op in self.operators for s in op.all_signals)
        seen = [base for base in bases if not base.sparse and self.flip(0.6)]
        self.operators += [SimProbe(signal) for signal in seen]
        self.rng.shuffle(self.operators)
        return RandomGraph(self.operators, self.facts, self.given, seen)


def random_graph(rng: random.Random, n_operators: int) -> RandomGraph:
    """Make a random graph from random numbers.

    Parameters
    ----------
    rng : random.Random
        Determines everything but the size.
    n_operators : int
        Number of operators that are neither a probe nor the clock.
    """
    return _Maker(rng).make(n_operators)


def _has_cycle(operators: list[Operator]) -> bool:
    try:
        toposort(operator_dependency_graph(operators))
    except nengo.exceptions.BuildError:
        return True
    return False


def _extent(view: Signal) -> slice:
    if view.sparse:
        return slice(0, 1)
    spans = [s * (n - 1) for s, n in zip(view.strides, view.shape, strict=True)]
    start = view.offset + sum(span for span in spans if span < 0)
    stop = view.offset + sum(span for span in spans if span > 0) + view.itemsize
    return slice(start, stop)


def _function(n: int, has_time: bool, has_input: bool) -> Callable:
    if has_time and has_input:
        return lambda t, x: np.cos(x + t)
    if has_time:
        return lambda t: np.sin(t * np.arange(1, n + 1))
    return lambda x: np.tanh(x[::-1])
