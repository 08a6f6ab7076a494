"""Accurate in few steps: a converted network that answers in 4 to 10 of them.

A convolutional model learns handwritten digits, once with ReLU, then with activations
whose levels are spike counts. What the spiking networks are worth that it is converted
to, and what they cost, is compared:

* with ReLU, as `keras_to_snn.py` converts it best: a synapse, and scales from data;
* with ReLU, calibrated for some number of steps from 500 images, without training;
* trained with 4 and with 8 levels (`QuantizedReLU`).

    python few_steps.py [--mnist FOLDER] [--output FOLDER] [--images N] [--epochs N]

Without MNIST (the folder of its idx files) scikit-learn's small digits are used. Beside
nengo-dl-converter it needs matplotlib, and scikit-learn for its digits.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras_to_snn import SPIKING, SYNAPSE, Digits, accuracy, load
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

import nengo_dl_core
from nengo_dl_converter import Converter, QuantizedReLU, firing_rate_scales

STEPS = (4, 8, 10)  # that networks are calibrated for
LEVELS = (4, 8)
MINIBATCH_SIZE = 64
N_SAMPLES = 500  # images to calibrate with
N_MEASURED = 20  # images whose operations are counted


@dataclass(frozen=True)
class Result:
    """How a spiking network classifies the test images, and what it takes.

    Parameters
    ----------
    name : str
        How it was made.
    in_keras : float
        Accuracy of its Keras model.
    n_steps : tuple of int
        After how many steps it is asked.
    accuracy : tuple of float
        Its accuracy then.
    operations : tuple of float
        Synaptic operations of an image until then.
    """

    name: str
    in_keras: float
    n_steps: tuple[int, ...]
    accuracy: tuple[float, ...]
    operations: tuple[float, ...]


def train(
    digits: Digits, epochs: int, activation: Callable[[], keras.Layer]
) -> keras.Model:
    """Train a model of three convolutional layers and a linear one.

    The learning rate falls to zero as a cosine.
    """
    image = x = keras.Input(digits.train_images.shape[1:])
    for filters, strides in (16, 1), (32, 2), (64, 2):
        size = min(3, x.shape[1])
        x = activation()(keras.layers.Conv2D(filters, size, strides=strides)(x))
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
    model = keras.Model(image, keras.layers.Dense(10)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    n_updates = epochs * -(-len(digits.train_images) // MINIBATCH_SIZE)
    rate = keras.optimizers.schedules.CosineDecay(0.001, n_updates)
    model.compile(keras.optimizers.Adam(rate), loss=loss, metrics=["accuracy"])
    model.fit(
        digits.train_images,
        digits.train_labels,
        MINIBATCH_SIZE,
        epochs=epochs,
        verbose=0,
    )
    return model


def run(
    name: str,
    converter: Converter,
    in_keras: float,
    digits: Digits,
    n_steps: tuple[int, ...],
) -> Result:
    """Present the test images to a spiking network.

    Its answer is the mean of the outputs so far, or, if its neurons have a synapse, the
    output of the last step.
    """
    images, labels = digits.test_images, digits.test_labels
    shown = np.tile(images.reshape(len(images), 1, -1), (1, n_steps[-1], 1))
    with nengo_dl_core.Simulator(
        converter.net, minibatch_size=min(50, len(images)), progress_bar=False
    ) as sim:
        (outputs,) = sim.predict(shown, verbose=0).values()
    if converter.populations.synapse is None:
        outputs = outputs.cumsum(axis=1)
    correct = outputs.argmax(axis=-1) == labels[:, None]
    costs = [converter.cost([images[:N_MEASURED]], n_steps=n) for n in n_steps]
    return Result(
        name,
        in_keras,
        n_steps,
        accuracy=tuple(float(correct[:, n - 1].mean()) for n in n_steps),
        operations=tuple(cost.synaptic_operations for cost in costs),
    )


def study(digits: Digits, epochs: int, seed: int) -> Iterator[Result]:
    """Train the models, and yield the result of each spiking network."""
    samples = digits.train_images[:N_SAMPLES]
    keras.utils.set_random_seed(seed)
    model = train(digits, epochs, keras.layers.ReLU)
    in_keras = accuracy(model, digits)
    scaled = Converter(
        model,
        inference_only=True,
        swap_activations=SPIKING,
        scale_firing_rates=firing_rate_scales(model, [samples], 1000),
        synapse=SYNAPSE,
    )
    scaled.net.seed = seed
    yield run("ReLU, synapse and scales", scaled, in_keras, digits, (*STEPS, 30))
    for n_steps in STEPS:
        converter = Converter(
            model, inference_only=True, calibrate=samples, n_steps=n_steps
        )
        print(converter.calibration, flush=True)
        name = f"ReLU, calibrated for {n_steps} steps"
        yield run(name, converter, in_keras, digits, (n_steps,))
    for levels in LEVELS:
        keras.utils.set_random_seed(seed)
        model = train(digits, epochs, lambda levels=levels: QuantizedReLU(levels))
        converter = Converter(model, inference_only=True)
        name = f"trained with {levels} levels"
        yield run(name, converter, accuracy(model, digits), digits, LEVELS)


def table(results: Sequence[Result]) -> str:
    """Format accuracies in percent, and operations in millions."""
    lines = [f"{'':30}  steps  accuracy  Keras  operations"]
    for result in results:
        for n_steps, correct, operations in zip(
            result.n_steps, result.accuracy, result.operations, strict=True
        ):
            lines.append(
                f"{result.name:30}  {n_steps:5}  {100 * correct:8.1f}"
                f"  {100 * result.in_keras:5.1f}  {operations / 1e6:8.2f} M"
            )
    return "\n".join(lines)


def plot(results: Sequence[Result]) -> Figure:
    """Plot errors over steps, and over operations."""
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    by_steps, by_operations = figure.subplots(1, 2, sharey=True)
    for result in results:
        wrong = 100 * (1 - np.array(result.accuracy))
        by_steps.plot(result.n_steps, wrong, "o-", label=result.name)
        by_operations.plot(np.array(result.operations) / 1e6, wrong, "o-")
    for axes in (by_steps, by_operations):
        wrong_in_keras = 100 * (1 - results[0].in_keras)
        axes.axhline(wrong_in_keras, color="black", linewidth=1)
        axes.set_xlim(left=0)
    by_steps.set(
        xlabel="steps",
        ylabel="wrong answers (%); line: Keras, ReLU",
        yscale="log",
    )
    by_steps.yaxis.set_major_formatter(LogFormatter())
    by_steps.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(3, 0.4)))
    by_operations.set(xlabel="million synaptic operations of an image")
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def main(arguments: Sequence[str] | None = None) -> list[Result]:
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
        default=Path("few-steps-output"),
        help="folder for table and plot (default: %(default)s)",
    )
    for name, default, words in (
        ("images", None, "number of images to use (default: all)"),
        ("epochs", 12, "number of training epochs (default: %(default)s)"),
        ("seed", 0, "seed of weights and training (default: %(default)s)"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, help=words)
    options = parser.parse_args(arguments)
    digits = load(options.mnist, options.images)
    results: list[Result] = []
    for result in study(digits, options.epochs, options.seed):
        results.append(result)
        print(table([result]), flush=True)
    text = table(results)
    print(text)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "few_steps.txt").write_text(text + "\n")
    plot(results).savefig(options.output / "few_steps.png", dpi=120)
    return results


if __name__ == "__main__":
    main()
