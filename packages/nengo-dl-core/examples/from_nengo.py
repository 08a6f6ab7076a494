"""A tour for users of Nengo: run, run many inputs at once, train, use TensorFlow.

The network computes ``sin(x**2)``. Run it with ``python from_nengo.py``; beside
nengo-dl-core it needs matplotlib. It prints the error before and after training, and
writes its plots to the folder ``from-nengo-plots``.
"""

import argparse
from pathlib import Path

import keras
import matplotlib as mpl
import nengo
import numpy as np
import tensorflow as tf

import nengo_dl

SEED = 0


def build_network():
    """Two ensembles that compute ``x**2`` and its sine."""
    with nengo.Network(seed=SEED) as net:
        net.stimulus = nengo.Node(nengo.processes.WhiteSignal(1, 5, rms=0.3))
        square = nengo.Ensemble(20, 1)
        net.sine = nengo.Ensemble(20, 1)
        output = nengo.Node(size_in=1)
        nengo.Connection(net.stimulus, square)
        nengo.Connection(square, net.sine, function=np.square)
        nengo.Connection(net.sine, output, function=np.sin)
        net.x = nengo.Probe(net.stimulus)
        net.output = nengo.Probe(output)
        net.filtered = nengo.Probe(output, synapse=0.01)
    return net


def plot(path, sim, net):
    """Plot input, target and output of every item of the minibatch."""
    from matplotlib import pyplot as plt

    n_items = getattr(sim, "minibatch_size", None) or 1
    x, output = (sim.data[p].reshape(n_items, -1) for p in (net.x, net.filtered))
    figure, axes = plt.subplots(
        1, n_items, figsize=(5 * n_items, 4), squeeze=False, sharey=True
    )
    for item, ax in enumerate(axes[0]):
        ax.plot(sim.trange(), x[item], label="x")
        ax.plot(sim.trange(), np.sin(x[item] ** 2), label="sin(x^2)")
        ax.plot(sim.trange(), output[item], label="output")
        ax.set(xlabel="time (s)")
    axes[0, 0].legend()
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def run(net, folder):
    """Run the network in Nengo, in NengoDL, and with many inputs at once."""
    with nengo.Simulator(net, seed=SEED, progress_bar=False) as sim:
        sim.run(1.0)
        expected = sim.data[net.filtered]
    with nengo_dl.Simulator(net, seed=SEED, progress_bar=False) as sim:
        sim.run(1.0)
        plot(folder / "run.png", sim, net)
        difference = np.abs(sim.data[net.filtered] - expected).max()
        print(f"largest difference from Nengo: {difference:.5f}")
    # three items of a minibatch, with a process of their own or a ramp of their own
    ramps = np.linspace(0.5, 1, 3)[:, None, None] * np.linspace(-1, 1, 1000)[:, None]
    for name, data in (("processes.png", {}), ("ramps.png", {net.stimulus: ramps})):
        with nengo_dl.Simulator(net, minibatch_size=3, progress_bar=False) as sim:
            sim.run(1.0, data=data)
            plot(folder / name, sim, net)


def train(net, folder, epochs):
    """Train encoders and biases; return the errors before, and after each stage."""
    # Without dynamics a step of training is as good as many; the filter makes up for it
    for connection in net.all_connections:
        connection.synapse = None
    net.filtered.synapse = 0.04
    with net:
        nengo_dl.configure_settings(trainable=False)
        net.config[nengo.Ensemble].trainable = True
    options = {"minibatch_size": 32, "seed": SEED, "progress_bar": False}

    # Spikes are tested with: every value is shown for 100 steps
    rng = np.random.default_rng(SEED)
    x_test = shown(rng.uniform(-1, 1, size=1024), n_steps=100)

    def error(sim):
        """Mean squared error of the last ten steps, which the targets are given for."""
        sim.compile(loss={net.filtered: "mse"})
        return sim.evaluate(x_test, {net.filtered: target(x_test)[:, -10:]})["loss"]

    # By default the rates of the neurons take their place in training.
    x = shown(rng.uniform(-1, 1, size=4096), n_steps=1)
    with nengo_dl.Simulator(net, **options) as sim:
        before = error(sim)
        sim.compile(keras.optimizers.RMSprop(0.01), loss={net.output: "mse"})
        sim.fit(x, {net.output: target(x)}, epochs=epochs[0], verbose=0)
        by_rates = error(sim)
        sim.freeze_params(net)  # the network itself is now the trained one

    # That does not know of the noise of spikes. So go on in spikes, as they are tested.
    with net:
        nengo_dl.configure_settings(spike_gradient="rates")
    x = shown(rng.uniform(-1, 1, size=1024), n_steps=100)
    with nengo_dl.Simulator(net, **options) as sim:
        rate = keras.optimizers.schedules.CosineDecay(0.03, 32 * epochs[1])
        sim.compile(keras.optimizers.Adam(rate), loss={net.filtered: "mse"})
        sim.fit(x, {net.filtered: target(x)[:, -10:]}, epochs=epochs[1], verbose=0)
        in_spikes = error(sim)
        sim.freeze_params(net)

    with nengo.Simulator(net, seed=SEED, progress_bar=False) as sim:
        sim.run(1.0)
        plot(folder / "trained.png", sim, net)
    return before, by_rates, in_spikes


def shown(values, n_steps):
    """Show each value for some steps: ``(n_values, n_steps, 1)``."""
    return np.tile(values[:, None, None], (1, n_steps, 1))


def target(x):
    """Compute what the network is to compute."""
    return np.sin(x**2)


def use_tensorflow(net, folder):
    """Compute the exponential of the output, in a Node and in a TensorNode."""
    from matplotlib import pyplot as plt

    with net:
        node = nengo.Node(lambda t, x: np.exp(x), size_in=1)
        tensor_node = nengo_dl.TensorNode(lambda t, x: tf.exp(x), shape_in=(1,))
        probes = {}
        for obj, label in ((node, "Node"), (tensor_node, "TensorNode")):
            nengo.Connection(net.sine, obj)
            probes[label] = nengo.Probe(obj, synapse=0.01)
    with nengo_dl.Simulator(net, seed=SEED, progress_bar=False) as sim:
        sim.run(1.0)
    figure, ax = plt.subplots()
    ax.plot(sim.trange(), np.exp(np.sin(sim.data[net.x] ** 2)), label="exp(sin(x^2))")
    for (label, probe), style in zip(probes.items(), "-:", strict=True):
        ax.plot(sim.trange(), sim.data[probe], style, label=label)
    ax.legend()
    figure.savefig(folder / "tensor_node.png")


def main(folder, epochs=(25, 20)):
    """Go through the tour, and return the errors of `train`."""
    mpl.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    net = build_network()
    run(net, folder)
    errors = train(net, folder, epochs)
    stages = "before training", "trained through rates", "trained in spikes"
    for stage, error in zip(stages, errors, strict=True):
        print(f"error {stage}: {error:.4f}")
    use_tensorflow(net, folder)
    print(f"plots in {folder}")
    return errors


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("from-nengo-plots"),
        help="folder of the plots",
    )
    main(parser.parse_args().folder)
