"""Measure again what `nengo_dl_core.tuning` decides by, and print it as tables.

Each row is one case: how long it takes as it is decided now, then in each of the ways
that there are, in microseconds, the fastest of several calls. Rows where another way
would save more than a tenth end with its name. Nothing is changed: whether a threshold
moves is a maintainer's decision. Run it where nothing else runs; it takes about ten
minutes. Some of the tables: ``nox -s tune -- filters buffers``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from typing import Any

import nengo
import numpy as np
import tensorflow as tf
from nengo.builder.signal import Signal

from nengo_dl_core import Simulator, configure_settings, tuning
from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.correlation import correlate
from nengo_dl_core.builders.numerics import expm1_above, log1p_above
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.builders.stacked import (
    _lane_sums,
    _minibatch_product,
    transposed_before_steps,
)

Settings = Mapping[str, Any]
Case = Callable[[], float]
Row = tuple[str, Case, Mapping[str, Settings]]
N_ROUNDS = 200
N_CALLS = 5


@contextmanager
def tuned(settings: Settings) -> Iterator[None]:
    """Set thresholds for a while."""
    saved = {name: getattr(tuning, name) for name in settings}
    try:
        for name, value in settings.items():
            setattr(tuning, name, value)
        yield
    finally:
        for name, value in saved.items():
            setattr(tuning, name, value)


def fastest(call: Callable[[], Any]) -> float:
    """Microseconds of the fastest of some calls, after a first one."""
    call()
    times = []
    for _ in range(N_CALLS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e6 * min(times)


def compiled_loop(function: Callable[[tf.Tensor], tf.Tensor], *shape: int) -> float:
    """Microseconds of a function, in a compiled loop that feeds its result back."""
    x = tf.random.stateless_normal(shape, (0, 0))

    @tf.function(jit_compile=True, autograph=False)
    def loop(x: tf.Tensor) -> tf.Tensor:
        def body(i: tf.Tensor, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            y = function(x)
            return i + 1, x + 1e-9 * tf.reduce_sum(y)

        return tf.while_loop(lambda i, _: i < N_ROUNDS, body, (tf.constant(0), x))[1]

    return fastest(lambda: loop(x).numpy()) / N_ROUNDS


def a_step(net: nengo.Network, n_steps: int = 1000, minibatch_size: int = 1) -> float:
    """Microseconds of a step of a network in long runs."""
    with Simulator(net, minibatch_size=minibatch_size, progress_bar=False) as sim:
        return fastest(lambda: sim.run_steps(n_steps)) / n_steps


def a_training_step(net: nengo.Network, n_steps: int, minibatch_size: int) -> float:
    """Microseconds of the gradient of a network's weights."""
    with Simulator(net, minibatch_size=minibatch_size, progress_bar=False) as sim:
        layer = sim.tensor_graph
        (name,) = layer.program.input_names.values()
        (node,) = layer.program.input_names
        shape = minibatch_size, n_steps, node.size_out
        inputs = {
            name: tf.random.stateless_normal(shape, (0, 0)),
            "n_steps": tf.fill((minibatch_size, 1), n_steps),
        }

        @tf.function(autograph=False)
        def gradient() -> tf.Tensor:
            weights = [x.value for x in layer.trainable_variables]
            with tf.GradientTape() as tape:
                (output,) = layer.call(inputs, training=True).values()
            found = tape.gradient(output, weights)
            return tf.add_n([tf.reduce_sum(x) for x in found])

        return fastest(lambda: gradient().numpy())


def relays(n: int, size: int, connect: Callable[..., Any]) -> nengo.Network:
    """Pairs of nodes, connected by what is measured, and back by a filter."""
    with nengo.Network(seed=0) as net:
        for _ in range(n):
            pre, post = nengo.Node(size_in=size), nengo.Node(size_in=size)
            connect(pre, post)
            nengo.Connection(post, pre, synapse=0.1)
            nengo.Probe(post)
    return net


def products() -> Iterator[Row]:
    """Products of matrices and vectors, by the side of the matrix."""
    as_it_is = {"HALVED_SIZES": (), "MAX_TRANSPOSED_ITEMS": 0}
    right = as_it_is | {"LEFT_SIZE": inf, "LEFT_SIZE_STACKED": inf}
    left = as_it_is | {"LEFT_SIZE": 0, "LEFT_SIZE_STACKED": 0, "MAX_LEFT_ITEMS": inf}
    before = {"MAX_TRANSPOSED_ITEMS": inf, "MIN_TRANSPOSED_ROWS": 0}
    halves = {"HALVED_SIZES": range(2**40)}
    config = BuildConfig(
        False, None, True, np.random.RandomState(0), False, many_steps=True
    )
    for k, m, n, b in [
        *[(1, 128, 4096, 1), (1, 4096, 128, 1), (1, 1024, 1024, 1), (1, 128, 1024, 1)],
        *[(1, 128, 4096, 8), (1, 1024, 1024, 8), (1, 1000, 10, 16), (1, 2048, 64, 64)],
        *[(8, 256, 256, 16), (8, 256, 256, 2), (8, 128, 64, 16), (20, 32, 1024, 4)],
        *[(20, m, 100, 16) for m in (3, 4, 16)],
        *[(1, 1024, 1024, b) for b in (2, 16, 64)],
        (20, 100, 3, 16),
    ]:
        a = tf.random.stateless_normal((k, m, n), (0, 1))

        def case(a: tf.Tensor = a, k: int = k, n: int = n, b: int = b) -> float:
            transposed = transposed_before_steps(a, b, config)
            return compiled_loop(
                lambda x: _minibatch_product(a, transposed, x), b, k, n
            )

        ways = {"on right": right}
        if b > 1:
            ways |= {"on left": left, "on right, transposed before": before}
        if b == k == 1:
            ways["in halves"] = halves
        yield f"{k} of {m} x {n}, {b} items", case, ways


def vectors() -> Iterator[Row]:
    """Products of two vectors, by the number of running sums."""
    for n in (32, 256, 2048):
        yield (
            f"64 products of {n}",
            lambda n=n: compiled_loop(lambda x: _lane_sums(x * x), 64, n),
            {str(lanes): {"LANES": lanes} for lanes in (1, 4, 8, 16, 32)},
        )


def parts() -> Iterator[Row]:
    """Groups of products whose vectors are multiplied by different numbers of them."""
    for n in (4, 8, 16):
        with nengo.Network(seed=0) as net:
            for i in range(n):
                pre = nengo.Ensemble(100, 32)
                for _ in range(1 + i % 2):
                    post = nengo.Node(size_in=32)
                    nengo.Connection(pre, post, synapse=0.01)
                    nengo.Probe(post)
        yield (
            f"{n} parts",
            lambda net=net: a_step(net),
            {"in parts": {"MAX_PARTS": n}, "one by one": {"MAX_PARTS": 1}},
        )


def sparse() -> Iterator[Row]:
    """Sparse products, by how much more work it is to fill rows up."""
    for fill, b in [(1, 1), (1, 16), (2, 16), (4, 1), (4, 16)]:
        rng = np.random.default_rng(0)
        counts = np.where(np.arange(1000) % (2 * fill - 1), 10 - 10 // fill, 10)
        counts = np.maximum(counts if fill == 1 else counts // fill, 1)
        counts[0] = round(fill * counts.mean())
        rows = np.repeat(np.arange(1000), counts)
        indices = np.stack([rows, rng.integers(1000, size=len(rows))], axis=1)
        transform = nengo.Sparse((1000, 1000), indices=indices, init=np.ones(len(rows)))
        net = relays(
            1,
            1000,
            lambda pre, post, t=transform: nengo.Connection(
                pre, post, transform=t, synapse=None
            ),
        )
        yield (
            f"{len(rows)} entries, {counts.max()} at most in a row, {b} items",
            lambda net=net, b=b: a_step(net, minibatch_size=b),
            {"filled up": {"MAX_FILL": inf}, "row by row": {"MAX_FILL": 0}},
        )


def filters() -> Iterator[Row]:
    """Filters, by their order."""
    for order, b in [(2, 1), (2, 16), (4, 16), (6, 16), (12, 16)]:
        synapse = nengo.LinearFilter([1], np.poly(-np.arange(1, order + 1) * 10.0))
        net = relays(
            40,
            2,
            lambda pre, post, s=synapse: nengo.Connection(pre, post, synapse=s),
        )
        yield (
            f"40 filters of order {order}, {b} items",
            lambda net=net, b=b: a_step(net, minibatch_size=b),
            {
                "written out": {"MAX_ORDER_WRITTEN_OUT": inf},
                "products": {"MAX_ORDER_WRITTEN_OUT": 0},
            },
        )


def blocks() -> Iterator[Row]:
    """Training through 784 steps of filters between weights, by order and size."""
    loop = {"MIN_ORDER_IN_BLOCKS": inf, "MAX_FILTERED_SIZE": 0}
    for order, size, b in [
        *[(1, 64, 1), (1, 64, 4), (1, 64, 16), (2, 64, 1), (2, 64, 16)],
        *[(4, 64, 1), (4, 64, 4), (4, 64, 16), (4, 256, 16)],
    ]:
        synapse = nengo.LinearFilter([1], np.poly(-np.arange(1, order + 1) * 10.0))
        with nengo.Network(seed=0) as net:
            configure_settings(trainable=True)
            node, post = nengo.Node(np.zeros(16)), nengo.Node(size_in=1)
            weights = np.ones((size, 16)) / 16
            pre = nengo.Node(size_in=size)
            nengo.Connection(node, pre, transform=weights, synapse=None)
            weights = np.ones((1, size)) / size
            filtered = nengo.Node(size_in=size)
            nengo.Connection(pre, filtered, synapse=synapse)
            nengo.Connection(filtered, post, transform=weights, synapse=None)
            nengo.Probe(post)
        blocks = {"MIN_ORDER_IN_BLOCKS": 0}
        yield (
            f"order {order}, {size} elements, {b} items",
            lambda net=net, b=b: a_training_step(net, 784, b),
            {
                "step by step": loop,
                "blocks, compiled": {**blocks, "MAX_COMPILED_SIZE": inf},
                "blocks": {**blocks, "MAX_COMPILED_SIZE": 0},
            },
        )


def correlations() -> Iterator[Row]:
    """Correlation of 8 images of 28 x 28, by channels and size of the kernel."""
    for channels, size in [(1, 3), (2, 3), (4, 3), (1, 5), (1, 7)]:
        kernel = tf.random.stateless_normal((size, size, channels, 32), (0, 1))
        yield (
            f"{channels} to 32 channels, kernel {size} x {size}",
            lambda c=channels, kernel=kernel: compiled_loop(
                lambda x: correlate(x, kernel, (1, 1), "same"), 8, 28, 28, c
            ),
            {
                "sum": {"MAX_SUMMED_CHANNELS": inf, "MAX_SUMMED_ELEMENTS": inf},
                "TensorFlow's": {"MAX_SUMMED_CHANNELS": 0},
            },
        )


def series() -> Iterator[Row]:
    """Functions of 10,000 arguments, by the lowest of them."""
    for function in (expm1_above, log1p_above):
        for lowest in (-0.05, -0.25, -0.5):
            yield (
                f"{function.__name__} {lowest}",
                lambda f=function, low=lowest: compiled_loop(
                    lambda x: f(low, low * tf.nn.sigmoid(x)), 10_000
                ),
                {
                    "polynomial": {"LOWEST_ARGUMENT": -inf},
                    "library's": {"LOWEST_ARGUMENT": inf},
                },
            )


def deferral() -> Iterator[Row]:
    """Decoding an ensemble for a probe after the loop, by the steps at once."""
    for neurons, dimensions in [(4096, 128), (4096, 32), (2048, 16), (8192, 8)]:
        ones = np.ones(neurons)
        solver = nengo.solvers.NoSolver(np.ones((neurons, dimensions)))
        with nengo.Network(seed=0) as net:
            ensemble = nengo.Ensemble(neurons, dimensions, gain=ones, bias=ones)
            nengo.Connection(nengo.Node(np.ones(dimensions)), ensemble)
            nengo.Probe(ensemble, synapse=0.01, solver=solver)
        ways: dict[str, Settings] = {"in the loop": {"MIN_DEFERRED_SIZE": inf}}
        for steps in (4, 8, 16, 32):
            now = {"MIN_DEFERRED_SIZE": 1, "MIN_DEFERRED_ROWS": 1}
            ways[str(steps)] = {**now, "STEPS_AT_ONCE": steps}
        name = f"{neurons} neurons, {dimensions} dimensions"
        yield name, lambda net=net: a_step(net), ways


def pieces() -> Iterator[Row]:
    """Reading a view in pieces."""
    for n in (4, 8, 16, 32, 64):

        def case(n: int = n) -> float:
            signals = SignalDict("float32", 1)
            sig = signals.get_tensor_signal(
                [(4 * k, 4 * k + 2) for k in range(n)],
                "",
                "float32",
                (2 * n,),
                True,
                Signal(np.zeros(2 * n)),
            )

            def read(x: tf.Tensor) -> tf.Tensor:
                signals.reset()
                signals.extend("", x, 4 * n)
                return tf.square(signals.gather(sig))

            return compiled_loop(read, 1, 4 * n)

        ways = {"concatenated": {"MAX_PIECES": inf}, "gathered": {"MAX_PIECES": 0}}
        yield f"{n} pieces", case, ways


def buffers() -> Iterator[Row]:
    """Runs of 10,000 steps, by the length of the buffers."""
    for dimensions, b in [(1, 1), (16, 16)]:
        with nengo.Network(seed=0) as net:
            nengo.Probe(nengo.Ensemble(100, dimensions), synapse=0.01)
        yield (
            f"a step of {dimensions} dimensions, {b} items",
            lambda net=net, b=b: a_step(net, 10_000, b),
            {
                str(length): {"MAX_BUFFER_LENGTH": length, "MAX_BUFFER_BYTES": 2**40}
                for length in (64, 256, 1024, 4096)
            },
        )


def first_steps() -> Iterator[Row]:
    """The first steps of a new simulator, in NumPy until it is worth to compile."""
    compiled = {"LOOP_SECONDS": 0, "GROUP_SECONDS": 0}
    for sizes in (1, 10, 60):
        with nengo.Network(seed=0) as net:
            source = nengo.Node([0.5])
            for size in range(sizes):
                ensemble = nengo.Ensemble(50 + size, 1)
                nengo.Connection(source, ensemble)
                nengo.Probe(ensemble, synapse=0.01)
        for n_steps in (100, 1000, 10_000, 100_000):

            def case(net: nengo.Network = net, n_steps: int = n_steps) -> float:
                with Simulator(net, progress_bar=False) as sim:
                    start = time.perf_counter()
                    sim.run_steps(n_steps)
                    return 1e6 * (time.perf_counter() - start)

            yield (
                f"{n_steps} steps of ensembles of {sizes} sizes",
                case,
                {"NumPy": {"LOOP_SECONDS": inf}, "compiled": compiled},
            )


TABLES = {
    table.__name__: table
    for table in (
        *(products, vectors, parts, sparse, filters, blocks),
        *(correlations, series, deferral, pieces, buffers, first_steps),
    )
}


def print_table(rows: Iterable[Row]) -> None:
    """Measure some cases in all ways, and print each as a row."""
    for name, case, ways in rows:
        now = case()
        cells, found = [f"now {now:.1f}"], {}
        for way, settings in ways.items():
            with tuned(settings):
                found[way] = case()
            cells.append(f"{way} {found[way]:.1f}")
        best = min(found, key=found.__getitem__)
        hint = f"  <- {best}" if found[best] < 0.9 * now else ""
        print(f"  {name}: {', '.join(cells)}{hint}", flush=True)


def main() -> None:
    """Print the tables that are named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=", ".join(TABLES))
    names = parser.parse_args().tables or list(TABLES)
    if unknown := set(names) - set(TABLES):
        parser.error(f"there is no table {', '.join(sorted(unknown))}")
    for name in names:
        table = TABLES[name]
        print(f"\n{table.__doc__}", flush=True)
        print_table(table())


if __name__ == "__main__":
    main()
