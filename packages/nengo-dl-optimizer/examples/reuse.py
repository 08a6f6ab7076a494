"""Simplify the operators of a network and run them in Nengo's own simulator.

Run it with ``python reuse.py``; it needs nengo-dl-optimizer alone.
"""

import argparse
from time import process_time

import nengo
import numpy as np

from nengo_dl_optimizer import OperatorGraph, default_simplifications, simplify


def convolution(dimensions: int, n_neurons: int) -> tuple[nengo.Network, nengo.Probe]:
    """Make a network that convolves two vectors."""
    vectors = np.random.RandomState(0).normal(size=(2, dimensions))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with nengo.Network(seed=0) as net:
        cconv = nengo.networks.CircularConvolution(n_neurons, dimensions)
        nengo.Connection(nengo.Node(vectors[0]), cconv.input_a)
        nengo.Connection(nengo.Node(vectors[1]), cconv.input_b)
        probe = nengo.Probe(cconv.output, synapse=0.01)
    return net, probe


def build(net: nengo.Network) -> nengo.builder.Model:
    """Build the operators of a network."""
    model = nengo.builder.Model()
    model.build(net)
    return model


def simplify_model(model: nengo.builder.Model) -> None:
    """Replace a model's operators by fewer ones that do the same."""
    graph = simplify(OperatorGraph(model.operators), default_simplifications)
    model.operators = list(graph)
    # Another signal may now stand for the one that a probe looks at.
    for probe in model.probes:
        model.sig[probe]["in"] = graph.current(model.sig[probe]["in"])


def run(
    model: nengo.builder.Model, probe: nengo.Probe, n_steps: int
) -> tuple[np.ndarray, float]:
    """Run a model.

    Returns
    -------
    values : (n_steps, dimensions) array
        What the probe has seen.
    seconds : float
        Processor time that the steps took.
    """
    with nengo.Simulator(
        None, model=model, optimize=False, progress_bar=False
    ) as simulator:
        start = process_time()
        simulator.run_steps(n_steps)
        return simulator.data[probe], process_time() - start


def main(args: list[str] | None = None) -> None:
    """Compare a network's operators with the simplified ones."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dimensions", type=int, default=64, help="of the vectors")
    parser.add_argument("--neurons", type=int, default=50, help="for each dimension")
    parser.add_argument("--steps", type=int, default=1000, help="to simulate")
    options = parser.parse_args(args)

    net, probe = convolution(options.dimensions, options.neurons)
    plain, simplified = build(net), build(net)
    simplify_model(simplified)
    expected, before = run(plain, probe, options.steps)
    values, after = run(simplified, probe, options.steps)

    print(f"{'':10} {'before':>8} {'after':>8}")
    n_operators = len(plain.operators), len(simplified.operators)
    print("operators  {:8} {:8}".format(*n_operators))
    print(f"seconds    {before:8.2f} {after:8.2f}")
    print(f"largest difference: {np.abs(values - expected).max():.2g}")


if __name__ == "__main__":
    main()
