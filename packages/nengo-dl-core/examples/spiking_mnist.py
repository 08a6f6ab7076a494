"""Classify digits with a convolutional network of spiking neurons.

The network is trained through the rates of its LIF neurons, a step for each image. Then
its parameters are loaded into one with synapses between the neurons, which smooth the
spikes; every image is shown to it for 30 ms.

Run it with the folder of MNIST's test images, as they are distributed::

    python spiking_mnist.py FOLDER

The first 9,000 images are trained with, the last 1,000 tested with. Beside
nengo-dl-core it needs matplotlib. It prints the accuracies, and writes the plot
``spiking_mnist.png``.
"""

import argparse
import gzip
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import matplotlib as mpl
import nengo
import numpy as np

from nengo_dl_core import Layer, Simulator, configure_settings

N_STEPS = 30  # of 1 ms, for which an image is shown


def read_idx(path):
    """Read an array in the format of MNIST: type and shape, and then bytes."""
    data = gzip.decompress(path.read_bytes())
    n_axes = data[3]
    shape = np.frombuffer(data, ">i4", n_axes, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * n_axes).reshape(shape)


def load(folder):
    """Give images, of shape ``(n_images, 1 step, 784 pixels)``, and labels."""
    images = read_idx(folder / "t10k-images-idx3-ubyte.gz")
    labels = read_idx(folder / "t10k-labels-idx1-ubyte.gz")
    pixels = images.reshape(len(images), 1, -1) / np.float32(255)
    return pixels, labels[:, None, None].astype(int)


def shifted(images, rng):
    """Move every image by up to two pixels in both directions."""
    square = images.reshape(-1, 28, 28)
    moves = rng.integers(-2, 3, size=(len(images), 2))
    moved = [
        np.roll(x, move, axis=(0, 1)) for x, move in zip(square, moves, strict=True)
    ]
    return np.reshape(moved, images.shape)


def network(seed, synapse):
    """Two convolutions and a classifier, with LIF neurons between them."""
    with nengo.Network(seed=seed) as net:
        # The rate is 0 without input, and 250 Hz if it is one; so the output is 0 to 1
        net.config[nengo.Ensemble].max_rates = nengo.dists.Choice([250])
        net.config[nengo.Ensemble].intercepts = nengo.dists.Choice([0])
        configure_settings(lif_smoothing=0.05, stateful=False)
        spikes = Layer(nengo.LIF(amplitude=1 / 250))
        net.image = nengo.Node(np.zeros(28 * 28))
        first = keras.layers.Conv2D(24, 5, strides=2, kernel_initializer="he_normal")
        second = keras.layers.Conv2D(48, 3, strides=2, kernel_initializer="he_normal")
        x = spikes(Layer(first)(net.image, shape_in=(28, 28, 1)))
        x = spikes(Layer(second)(x, shape_in=(12, 12, 24), synapse=synapse))
        x = Layer(keras.layers.Dense(10))(x, synapse=synapse)
        net.digit = nengo.Probe(x, synapse=synapse, label="digit")
    return net


def main(folder, epochs, plot, seed=0):
    """Train, test in spikes, and return the two accuracies."""
    images, labels = load(folder)
    (x, y), (x_test, y_test) = (
        (images[part], labels[part]) for part in (slice(9000), slice(-1000, None))
    )
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    options = {"minibatch_size": 50, "seed": seed, "progress_bar": False}
    net = network(seed, synapse=None)
    with TemporaryDirectory() as temporary, Simulator(net, **options) as sim:
        n_batches = epochs * len(x) // sim.minibatch_size
        rate = keras.optimizers.schedules.CosineDecay(0.003, n_batches)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        sim.compile(keras.optimizers.Adam(rate), loss=loss, metrics=["accuracy"])
        start = time.perf_counter()
        for epoch in range(epochs):
            last = sim.fit(shifted(x, rng), y, verbose=0).history
            results = ", ".join(f"{name} {x:.4f}" for name, (x,) in last.items())
            print(f"epoch {epoch + 1}: {results}", flush=True)
        seconds = time.perf_counter() - start
        parameters = Path(temporary) / "parameters.npz"
        sim.save_params(parameters)
        net = network(seed, synapse=0.005)
        with Simulator(net, **options) as spiking:
            spiking.load_params(parameters)
            outputs = spiking.predict(np.tile(x_test, (1, N_STEPS, 1)))[net.digit]
    correct = outputs.argmax(axis=-1) == y_test[:, 0]
    print(f"trained in {seconds:.0f} s")
    print(f"correct in spikes, over {N_STEPS} steps: {correct[:, -1].mean():.1%}")
    plot_results(plot, x_test, outputs, correct)
    return correct[:, -1].mean()


def plot_results(path, images, outputs, correct):
    """Plot accuracy over time, and the outputs for three digits."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    milliseconds = np.arange(1, N_STEPS + 1)
    figure, axes = plt.subplots(2, 4, figsize=(12, 5), layout="constrained")
    for column in range(3):
        axes[0, column].imshow(images[column].reshape(28, 28), cmap="gray")
        axes[0, column].axis("off")
        axes[1, column].plot(milliseconds, outputs[column])
        axes[1, column].set(xlabel="time (ms)", ylabel="filtered output")
    axes[1, 2].legend(range(10), fontsize="x-small", ncols=2)
    axes[0, 3].plot(milliseconds, 100 * correct.mean(axis=0))
    axes[0, 3].set(xlabel="time (ms)", ylabel="correct (%)", ylim=(0, 100))
    axes[1, 3].axis("off")
    figure.savefig(path)
    print(f"plot in {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "folder",
        type=Path,
        help="folder of t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz",
    )
    parser.add_argument(
        "--epochs", type=int, default=8, help="number of training epochs"
    )
    parser.add_argument(
        "--plot",
        type=Path,
        default=Path("spiking_mnist.png"),
        help="file of the plot",
    )
    arguments = parser.parse_args()
    main(arguments.folder, arguments.epochs, arguments.plot)
