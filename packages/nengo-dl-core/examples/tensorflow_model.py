"""A Keras model inside a Nengo network: neurons that gather evidence for it.

A Keras model learns to read handwritten digits. In the network it sees a digit through
so much noise that a single look often deceives it. Spiking neurons integrate what it
says from step to step, and are right more and more often. The model's weights are part
of the simulation: it runs compiled, many digits at a time.

Run it with ``python tensorflow_model.py``; beside nengo-dl-core it needs scikit-learn
and matplotlib. It prints how often the model and the neurons are right, and plots it.
"""

import argparse
from pathlib import Path

import keras
import matplotlib as mpl
import nengo
import numpy as np
from sklearn.datasets import load_digits

import nengo_dl

NOISE = 0.8  # standard deviation; pixels are between 0 and 1
N_STEPS = 100


def trained_model(images, labels, epochs):
    """Train a small model on digits with noise."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.GaussianNoise(NOISE),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10),
            keras.layers.Softmax(),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    model.fit(images, labels, epochs=epochs, verbose=0)
    return model


def build_network(model, neurons_per_digit):
    """Integrate the model's output, each digit in an ensemble of its own."""
    with nengo.Network(seed=0) as net:
        net.image = nengo.Node(np.zeros(64))
        net.look = nengo_dl.TensorNode(model, shape_in=(64,), pass_time=False)
        evidence = nengo.networks.EnsembleArray(neurons_per_digit, 10)
        nengo.Connection(net.image, net.look, synapse=None)
        # All of the evidence of 100 steps makes the integral about one
        nengo.Connection(net.look, evidence.input, transform=0.5, synapse=0.05)
        nengo.Connection(evidence.output, evidence.input, synapse=0.05)
        net.single = nengo.Probe(net.look)
        net.integral = nengo.Probe(evidence.output, synapse=0.02)
    return net


def main(n_images=200, epochs=30, neurons_per_digit=60, plot="tensorflow-model.png"):
    """Return how often a single look is right, and the neurons in the end."""
    pixels, labels = load_digits(return_X_y=True)
    pixels = pixels / 16
    train, test = slice(None, -n_images), slice(-n_images, None)
    model = trained_model(pixels[train], labels[train], epochs)
    rng = np.random.default_rng(0)
    shown = pixels[test][:, None] + NOISE * rng.normal(size=(n_images, N_STEPS, 64))
    network = build_network(model, neurons_per_digit)
    with nengo_dl.Simulator(network, minibatch_size=n_images) as sim:
        sim.run_steps(N_STEPS, data={network.image: shown})
        right = {
            name: (sim.data[probe].argmax(-1) == labels[test][:, None]).mean(axis=0)
            for name, probe in [("look", network.single), ("sum", network.integral)]
        }
    single, in_the_end = right["look"].mean(), right["sum"][-1]
    print(f"one look at a digit: {single:.1%} right, {N_STEPS} looks: {in_the_end:.1%}")
    _plot(plot, right)
    return single, in_the_end


def _plot(path, right):
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots(figsize=(6, 4))
    ax.plot(right["look"], color="silver", label="the model, one look")
    ax.plot(right["sum"], label="the neurons")
    ax.set(
        xlabel="time (ms)", ylabel="share of digits that are read right", ylim=(0, 1)
    )
    ax.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


if __name__ == "__main__":
    mpl.use("Agg")
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--images", type=int, default=200, help="number of images to test with"
    )
    parser.add_argument(
        "--epochs", type=int, default=30, help="number of training epochs"
    )
    parser.add_argument(
        "--plot",
        type=Path,
        default=Path("tensorflow-model.png"),
        help="file of the plot",
    )
    arguments = parser.parse_args()
    main(arguments.images, arguments.epochs, plot=arguments.plot)
