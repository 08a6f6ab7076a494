"""Train a network with memory through 100 steps: delay a signal.

A Legendre memory unit (Voelker, Kajic and Eliasmith, NeurIPS 2019) holds a window of
its input as coefficients of Legendre polynomials. Here its linear memory is a recurrent
connection with the matrices of their equation 3; a layer of neurons reads it. Both are
trained, through time, to give the input as it was 50 steps ago.

Run it with ``python lmu.py``; beside nengo-dl-core it needs matplotlib and scipy. It
prints the error before and after training, and writes the plot ``lmu.png``.
"""

import argparse
import time
from pathlib import Path

import keras
import matplotlib as mpl
import nengo
import numpy as np
from scipy.linalg import expm

from nengo_dl_core import Layer, Simulator, configure_settings

N_STEPS, DELAY, ORDER, N_NEURONS = 100, 50, 8, 32


def legendre_matrices(window, order):
    """The memory's matrices for steps of one, held constant between them.

    ``d/dt m = (A m + B u) / window``, with the coefficients of equation 3.
    """
    i, j = np.mgrid[:order, :order]
    a = np.where(i < j, -1.0, (-1.0) ** (i - j + 1)) * (2 * i + 1)
    b = ((2 * np.arange(order) + 1) * (-1.0) ** np.arange(order))[:, None]
    both = np.zeros((order + 1, order + 1))
    both[:order] = np.hstack([a, b]) / window
    held = expm(both)
    return held[:order, :order], held[:order, order:]


def network(seed):
    """A memory of the input, and neurons that read it."""
    with nengo.Network(seed=seed) as net:
        configure_settings(trainable=None)
        net.stimulus = nengo.Node([0.0])
        a, b = legendre_matrices(window=DELAY, order=ORDER)
        memory = nengo.Node(size_in=ORDER)
        # a connection back takes one step
        nengo.Connection(memory, memory, transform=a, synapse=0)
        nengo.Connection(net.stimulus, memory, transform=b, synapse=None)
        hidden = Layer(keras.layers.Dense(N_NEURONS))(memory)
        neurons = nengo.Ensemble(
            N_NEURONS,
            1,
            neuron_type=nengo.Tanh(tau_ref=1),  # put out -1 to 1
            gain=np.ones(N_NEURONS),
            bias=np.zeros(N_NEURONS),
        ).neurons
        nengo.Connection(hidden, neurons, synapse=None)
        output = Layer(keras.layers.Dense(1))(neurons)
        net.output = nengo.Probe(output, label="output")
    return net


def signals(n_samples, rng):
    """Band-limited noise of unit variance, and the same delayed."""
    n_total = N_STEPS + DELAY
    frequencies = np.arange(1, 8)[:, None]
    phases = 2 * np.pi * frequencies * np.arange(n_total) / n_total
    weights = rng.normal(size=(2, n_samples, len(frequencies)))
    x = weights[0] @ np.cos(phases) + weights[1] @ np.sin(phases)
    x = (x / np.sqrt(len(frequencies)))[..., None]
    # before the first step there was nothing
    delayed = np.pad(x[:, : N_STEPS - DELAY], ((0, 0), (DELAY, 0), (0, 0)))
    return x[:, :N_STEPS], delayed


def main(epochs, plot, seed=0):
    """Train and test, and return the root mean squared errors."""
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    (x, y), (x_test, y_test) = signals(2000, rng), signals(200, rng)
    net = network(seed)
    with Simulator(net, minibatch_size=50, seed=seed, progress_bar=False) as sim:
        rate = keras.optimizers.schedules.CosineDecay(0.005, epochs * len(x) // 50)
        sim.compile(keras.optimizers.Adam(rate, clipnorm=1.0), loss="mse")
        before = sim.evaluate(x_test, y_test)["loss"] ** 0.5
        start = time.perf_counter()
        sim.fit(x, y, epochs=epochs, verbose=2)
        seconds = time.perf_counter() - start
        after = sim.evaluate(x_test, y_test)["loss"] ** 0.5
        output = sim.predict(x_test[:1])[net.output][0]
    print(f"trained in {seconds:.0f} s, through {N_STEPS} steps")
    print(f"root mean squared error: {before:.3f} before training, {after:.3f} after")
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots(layout="constrained")
    ax.plot(x_test[0], label="input", alpha=0.5)
    ax.plot(y_test[0], label=f"{DELAY} steps ago")
    ax.plot(output, "--", label="output")
    ax.set(xlabel="step")
    ax.legend()
    figure.savefig(plot)
    print(f"plot in {plot}")
    return before, after


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--epochs", type=int, default=20, help="number of training epochs"
    )
    parser.add_argument(
        "--plot", type=Path, default=Path("lmu.png"), help="file of the plot"
    )
    arguments = parser.parse_args()
    main(arguments.epochs, arguments.plot)
