"""From a Keras model to a spiking network: what makes it accurate.

A convolutional model with ReLU learns handwritten digits. Converted to spiking neurons
as it is, it fails: in the few steps that an image is presented for, most neurons spike
once or not at all. This study goes through the remedies, one row of the table each:

* a synapse, which smooths the spikes of each neuron over time;
* higher firing rates by one scale for all layers;
* firing rates that are chosen for each layer from data;
* training that asks for higher rates to begin with.

    python keras_to_snn.py [--mnist FOLDER] [--output FOLDER] [--images N] [--epochs N]

Without MNIST (the folder of its idx files) scikit-learn's small digits are used. Beside
nengo-dl-converter it needs matplotlib, and scikit-learn for its digits.
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import nengo
import numpy as np
from matplotlib.figure import Figure

import nengo_dl_core
from nengo_dl_converter import Converter, firing_rate_scales

N_STEPS = 30  # that each image is presented for, of 1 ms
SPIKING = {keras.activations.relu: nengo.SpikingRectifiedLinear()}
SYNAPSE = 0.005  # time constant in seconds
SCALES = (2, 5, 10, 100)
TARGET_RATES = (250, 1000)  # in Hz


@dataclass(frozen=True)
class Digits:
    """Images, ``(n, height, width, 1)``, and the digits on them."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


@dataclass(frozen=True)
class Result:
    """How the spiking network of a Keras model classifies the test images.

    Parameters
    ----------
    in_keras : float
        Accuracy of the Keras model.
    accuracy : numpy.ndarray
        Accuracy after each step, ``(n_steps,)``.
    rate : float
        Mean firing rate of all neurons, in Hz.
    """

    in_keras: float
    accuracy: np.ndarray
    rate: float


def load(mnist: Path | None, n_images: int | None) -> Digits:
    """Load MNIST's 10,000 test images, or the digits that scikit-learn brings.

    Nine tenths are for training. ``n_images`` takes that many of them all.
    """
    if mnist is None:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        images, labels = bunch.images / 16, bunch.target
    else:
        with gzip.open(mnist / "t10k-images-idx3-ubyte.gz") as file:
            images = np.frombuffer(file.read(), np.uint8, offset=16)
        with gzip.open(mnist / "t10k-labels-idx1-ubyte.gz") as file:
            labels = np.frombuffer(file.read(), np.uint8, offset=8)
        images = images.reshape(-1, 28, 28) / 255
    images, labels = images[:n_images, ..., None], labels[:n_images]
    n_train = len(images) * 9 // 10
    return Digits(
        images[:n_train], labels[:n_train], images[n_train:], labels[n_train:]
    )


class RateRegularizer(keras.regularizers.Regularizer):
    """Asks a layer for higher activations, which become firing rates.

    Parameters
    ----------
    target : float
        Root mean square of the activations.
    strength : float
        Weight in the loss of the squared logarithm of their ratio to it.
    """

    def __init__(self, target: float = 20.0, strength: float = 0.5) -> None:
        self.target, self.strength = target, strength

    def __call__(self, x: Any) -> Any:
        """Compute the loss from the activations of a layer."""
        size = keras.ops.sqrt(keras.ops.mean(keras.ops.square(x)) + 1e-7)
        return self.strength * keras.ops.square(keras.ops.log(size / self.target))


def train(digits: Digits, epochs: int, regularizer: Any = None) -> keras.Model:
    """Train a model of three convolutional layers and a linear one."""
    image = x = keras.Input(digits.train_images.shape[1:])
    for filters, strides in (16, 1), (32, 2), (64, 2):
        x = keras.layers.Conv2D(
            filters,
            kernel_size=min(3, x.shape[1]),
            strides=strides,
            activation="relu",
            activity_regularizer=regularizer,
        )(x)
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
    model = keras.Model(image, keras.layers.Dense(10)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.001), loss=loss, metrics=["accuracy"])
    model.fit(digits.train_images, digits.train_labels, 64, epochs=epochs, verbose=0)
    return model


def accuracy(model: keras.Model, digits: Digits) -> float:
    """Compute the accuracy of a Keras model."""
    results = model.evaluate(digits.test_images, digits.test_labels, 100, verbose=0)
    return float(results[1])


def run(model: keras.Model, digits: Digits, **kwargs: Any) -> Result:
    """Convert a model to spiking neurons, and present the test images to it."""
    converter = Converter(
        model, swap_activations=SPIKING, inference_only=True, **kwargs
    )
    converter.net.seed = 0
    (image,), (scores,) = model.inputs, model.outputs
    n_images = len(digits.test_images)
    flat = digits.test_images.reshape(n_images, 1, -1)
    with nengo_dl_core.Simulator(
        converter.net, minibatch_size=min(50, n_images), progress_bar=False
    ) as sim:
        values = sim.predict({converter.inputs[image]: np.tile(flat, (1, N_STEPS, 1))})
    decided = values[converter.outputs[scores]].argmax(axis=-1)
    correct = (decided == digits.test_labels[:, None]).mean(axis=0)

    report = converter.compare([digits.test_images[:50]], n_steps=N_STEPS)
    rates = [(x.mean_rate, x.size) for x in report.layers if x.mean_rate is not None]
    rate, sizes = np.transpose(rates)
    mean_rate = float(np.average(rate, weights=sizes))
    return Result(accuracy(model, digits), correct, mean_rate)


def settings(
    model: keras.Model, regularized: keras.Model, samples: np.ndarray
) -> Iterator[tuple[str, keras.Model, dict[str, Any]]]:
    """Yield what is tried: a name, a model, and arguments of the converter."""

    def from_data(model: keras.Model, rate: float) -> dict[str, Any]:
        scales = firing_rate_scales(model, [samples], rate)
        return {"synapse": SYNAPSE, "scale_firing_rates": scales}

    yield "as it is", model, {}
    yield f"synapse of {1000 * SYNAPSE:g} ms", model, {"synapse": SYNAPSE}
    for scale in SCALES:
        scaled = {"synapse": SYNAPSE, "scale_firing_rates": scale}
        yield f"synapse, scale {scale}", model, scaled
    for rate in TARGET_RATES:
        yield f"synapse, scales from data, {rate} Hz", model, from_data(model, rate)
    for scale in SCALES[-2:]:
        scaled = {"synapse": SYNAPSE, "scale_firing_rates": scale}
        yield f"regularized, synapse, scale {scale}", regularized, scaled
    for rate in TARGET_RATES:
        scaled = from_data(regularized, rate)
        yield f"regularized, synapse, scales from data, {rate} Hz", regularized, scaled


def study(digits: Digits, epochs: int) -> dict[str, Result]:
    """Try the remedies, and return the results by name."""
    keras.utils.set_random_seed(0)
    print("Training two models ...", flush=True)
    models = train(digits, epochs), train(digits, epochs, RateRegularizer())
    results = {}
    for name, model, kwargs in settings(*models, digits.train_images[:500]):
        print(f"  {name} ...", flush=True)
        results[name] = run(model, digits, **kwargs)
    return results


def table(results: Mapping[str, Result]) -> str:
    """Format accuracies, in percent, at some presentation times."""
    steps = [5, 10, 20, N_STEPS]
    times = "".join(f"{f'{n} ms':>7}" for n in steps)
    lines = [f"{'accuracy in percent':48}{times}  Keras  mean rate"]
    for name, result in results.items():
        shown = "".join(f"{100 * result.accuracy[n - 1]:7.1f}" for n in steps)
        keras_model = f"{100 * result.in_keras:7.1f}"
        lines.append(f"{name:48}{shown}{keras_model}  {result.rate:6.1f} Hz")
    return "\n".join(lines)


def plot(results: Mapping[str, Result]) -> Figure:
    """Plot accuracy over presentation time."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    accuracies = sorted({result.in_keras for result in results.values()})
    for i, value in enumerate(accuracies):
        label = "Keras" if i == 0 else None
        axes.axhline(100 * value, color="black", linewidth=1, label=label)
    for name, result in results.items():
        style = "--" if name.startswith("regularized") else "-"
        times = range(1, N_STEPS + 1)
        axes.plot(times, 100 * result.accuracy, style, label=name)
    axes.set(xlabel="presentation time (ms)", ylabel="accuracy (%)", ylim=(0, 101))
    figure.legend(loc="outside right upper")
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--mnist",
        type=Path,
        help="folder of MNIST's idx files (default: scikit-learn's digits instead)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("keras-to-snn-output"),
        help="folder for table and plot (default: %(default)s)",
    )
    parser.add_argument(
        "--images", type=int, help="number of images to use (default: all)"
    )
    parser.add_argument(
        "--epochs",
        type=int,
        default=12,
        help="number of training epochs (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    results = study(load(options.mnist, options.images), options.epochs)
    text = table(results)
    print(text)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "keras_to_snn.txt").write_text(text + "\n")
    plot(results).savefig(options.output / "keras_to_snn.png", dpi=120)


if __name__ == "__main__":
    main()
