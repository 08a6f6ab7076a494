"""How long a step takes with `NumPySimulator`, and with `nengo.Simulator`.

Run by hand, from anywhere, where nengo-dl-benchmarks is installed, whose networks these
are: ``python execution.py [network ...]``. It takes some minutes, most of them for
decoders, and prints the table of the README. Both simulators run in turns in one
process, on warm memory; the least time of several runs counts.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from time import perf_counter

import nengo
import numpy as np

from nengo_dl_benchmarks.suite import BENCHMARKS
from nengo_dl_optimizer import NumPySimulator

SECONDS = 0.3  # that a run takes
N_RUNS = 7


def python_nodes(n_ensembles: int) -> nengo.Network:
    """Build an ensemble array that receives all of its input from a Python function."""
    with nengo.Network(seed=0) as net:
        source = nengo.Node(lambda t, x: 0.5 - 0.1 * x, size_in=1, size_out=1)
        array = nengo.networks.EnsembleArray(50, n_ensembles)
        for element in array.input:
            nengo.Connection(source, element)
        nengo.Connection(array.output[0], source)
        nengo.Probe(array.output, synapse=0.01)
    return net


NETWORKS: dict[str, Callable[[], nengo.Network]] = {
    str(benchmark).replace(", neuron_type=LIF", ""): benchmark.build
    for benchmark in (
        BENCHMARKS["lmu"].at(native_nengo=True),
        *(
            BENCHMARKS[name]
            for name in (
                "basal_ganglia",
                "cconv",
                "chain",
                "convolution",
                "feedback",
                "integrator",
                "pes",
                "python_node",
                "random_network",
                "ring",
            )
        ),
    )
}
NETWORKS |= {
    f"one Python Node, {n} ensembles": lambda n=n: python_nodes(n) for n in (2, 50, 200)
}


def seconds(run_steps: Callable[[int], None], n_steps: int) -> float:
    """Return how long a step takes."""
    start = perf_counter()
    run_steps(n_steps)
    return (perf_counter() - start) / n_steps


def compare(net: nengo.Network) -> tuple[float, float, float]:
    """Return the seconds of a step, Nengo's and ours, and the largest difference.

    The difference is relative to the largest value that a probe has seen.
    """
    ours = NumPySimulator(net)
    with nengo.Simulator(net, progress_bar=False) as theirs:
        both = theirs.run_steps, ours.run_steps
        first = [seconds(run_steps, 5) for run_steps in both]
        n_steps = max(int(SECONDS / max(first)), 5)
        times = [[seconds(run, n_steps) for run in both] for _ in range(N_RUNS)]
        difference = max(
            np.abs(ours.data[probe] - theirs.data[probe]).max()
            / max(np.abs(theirs.data[probe]).max(), 1)
            for probe in net.all_probes
        )
    nengos, own = np.min(times, axis=0)
    return float(nengos), float(own), float(difference)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("networks", nargs="*", help="beginnings of networks' names")
    chosen = tuple(parser.parse_args().networks or [""])
    print("| network | Nengo, µs | here, µs | ratio | largest difference |")
    print("|---|---:|---:|---:|---:|")
    for name, build in NETWORKS.items():
        if name.startswith(chosen):
            nengos, own, difference = compare(build())
            print(
                f"| {name} | {nengos * 1e6:.0f} | {own * 1e6:.0f} | {nengos / own:.1f} "
                f"| {difference:.0e} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
