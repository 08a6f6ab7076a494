"""How good the estimates are by which NumPy runs the first steps of a simulation.

For each network, with one item and with sixteen: the time of a step in NumPy and that
of compilation, estimated and measured, and of a compiled step. "Long" is how many times
as long as the better choice a run takes, at worst, whose length is known: one that is
just so long that it is compiled, or just not. "Pieces" is that of a run in pieces that
ends as soon as it was compiled. Run it where nothing else runs; it takes four minutes.

    python packages/nengo-dl-core/benchmarks/estimates.py [NETWORK ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter

import nengo

from nengo_dl_benchmarks.suite import find
from nengo_dl_core import Simulator, configure_settings, dists
from nengo_dl_core.engine.choice import compilation_seconds, step_seconds

NAMES = (
    *("feedback", "ring", "integrator", "pes", "basal_ganglia", "mixed_sizes"),
    *("convolution", "spiking_convolution", "cconv", "random_network"),
)


def chain(*sizes: int) -> nengo.Network:
    """Build ensembles one after the other."""
    with nengo.Network(seed=0) as net:
        source = nengo.Node([0.5])
        for size in sizes:
            ensemble = nengo.Ensemble(size, 1)
            nengo.Connection(source, ensemble)
            source = ensemble
        nengo.Probe(source, synapse=0.01)
    return net


def layers() -> nengo.Network:
    """Build three layers of neurons."""
    with nengo.Network(seed=0) as net:
        source = nengo.Node([0.0] * 64)
        for _ in range(3):
            layer = nengo.Ensemble(256, 1, gain=[1] * 256, bias=[1] * 256).neurons
            weights, synapse = dists.Glorot(), nengo.Alpha(0.01)
            nengo.Connection(source, layer, transform=weights, synapse=synapse)
            source = layer
        nengo.Probe(source)
    return net


def neuron_types() -> nengo.Network:
    """Build a chain of ensembles of eight types."""
    types = (nengo.LIF, nengo.AdaptiveLIF, nengo.Izhikevich, nengo.Sigmoid)
    types += (nengo.Tanh, nengo.LIFRate, nengo.RectifiedLinear)
    with nengo.Network(seed=0) as net:
        source = nengo.Node([0.5])
        for neuron_type in (*types, nengo.SpikingRectifiedLinear):
            ensemble = nengo.Ensemble(100, 1, neuron_type=neuron_type())
            nengo.Connection(source, ensemble)
            nengo.Probe(ensemble, synapse=0.01)
            source = ensemble
    return net


def product() -> nengo.Network:
    """Multiply two vectors."""
    with nengo.Network(seed=0) as net:
        source = nengo.Node([0.5] * 16)
        multiplied = nengo.networks.Product(50, 16)
        nengo.Connection(source, multiplied.input_a)
        nengo.Connection(source, multiplied.input_b)
        nengo.Probe(multiplied.output, synapse=0.01)
    return net


def learning() -> nengo.Network:
    """Learn encoders and decoders."""
    with nengo.Network(seed=0) as net:
        source, target = nengo.Node([0.5] * 8), nengo.Node(size_in=4)
        ensemble, error = nengo.Ensemble(500, 8), nengo.Node(size_in=4)
        nengo.Connection(source, ensemble, learning_rule_type=nengo.Voja())
        learned = nengo.Connection(
            ensemble, target, function=lambda x: x[:4], learning_rule_type=nengo.PES()
        )
        nengo.Connection(target, error)
        nengo.Connection(error, learned.learning_rule)
        nengo.Probe(target)
    return net


NETWORKS: dict[str, Callable[[], nengo.Network]] = {
    "one ensemble": partial(chain, 50),
    "8 sizes": partial(chain, *range(40, 120, 10)),
    "30 equal": partial(chain, *[50] * 30),
    "layers": layers,
    "neuron types": neuron_types,
    "product": product,
    "learning": learning,
    **{name: find(name).build for name in NAMES},
}


def seconds_of_run(sim: Simulator, n_steps: int) -> float:
    """Time one run."""
    start = perf_counter()
    sim.run_steps(n_steps, progress_bar=False)
    return perf_counter() - start


def measured(net: nengo.Network, n_items: int) -> tuple[float, ...]:
    """Estimate and measure a step in NumPy, compilation, and a compiled step."""

    def simulator(jit_compile: bool | str) -> Simulator:
        with net:
            configure_settings(jit_compile=jit_compile)
        return Simulator(net, minibatch_size=n_items, progress_bar=False)

    with simulator("auto") as sim:
        program = sim.program
        step = step_seconds(program)
        compilation = compilation_seconds(program)
        n_steps = max(20, int(compilation / step / 4))
        sim.run_steps(20, progress_bar=False)
        in_numpy = min(seconds_of_run(sim, n_steps) / n_steps for _ in range(2))

    def compiling() -> Iterator[tuple[float, float]]:
        for _ in range(2):
            with simulator(True) as sim:
                first, again = seconds_of_run(sim, 20), seconds_of_run(sim, 20)
                yield first - again, seconds_of_run(sim, n_steps) / n_steps

    compiled, each = map(min, zip(*compiling(), strict=True))
    return step, in_numpy, compilation, compiled, each


def main(names: list[str]) -> None:
    """Print a line for each network and size of the minibatch."""
    print(f"{'':24}{'a step, µs':>20}{'compilation, s':>20}{'compiled':>10}")
    print(f"{'':24}{2 * '  estimated measured'}   step, µs  long pieces")
    for name in names:
        net = NETWORKS[name]()
        for n_items in (1, 16):
            step, in_numpy, compilation, compiled, each = measured(net, n_items)
            n_steps = compilation / step  # so many are NumPy's
            ways = n_steps * in_numpy, compiled + n_steps * each
            pieces = n_steps * in_numpy + compiled
            print(
                f"{name:20}{n_items:4}{1e6 * step:10.0f}{1e6 * in_numpy:10.0f}"
                f"{compilation:10.2f}{compiled:10.2f}{1e6 * each:11.0f}"
                f"{max(ways) / min(ways):6.1f}{pieces / min(ways):7.1f}",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NETWORK")
    main(parser.parse_args().names or list(NETWORKS))
