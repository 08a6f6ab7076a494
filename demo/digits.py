"""Handwritten digits: a Keras model, trained, converted and run in spikes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import matplotlib.pyplot as plt
import nengo
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import nengo_dl

Array = npt.NDArray[Any]
PRESENTATION_TIMES = (5, 10, 20, 50, 100)  # milliseconds: steps
FIRING_RATE_SCALE = 50


def run(folder: Path, report: Callable[[str], None]) -> list[tuple[str, str]]:
    """Train, convert, simulate and plot.

    Parameters
    ----------
    folder : Path
        Where the plot goes.
    report : callable
        Is told what is done next.

    Returns
    -------
    results : list of (str, str)
        What came out, as names and values.
    """
    report("digits: train a Keras model")
    images, labels = load_digits(return_X_y=True)
    train_images, test_images, train_labels, test_labels = train_test_split(
        images.reshape(-1, 8, 8) / 16, labels, test_size=360, random_state=0
    )
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8))
    hidden = keras.layers.Dense(128, activation="relu")
    scores = keras.layers.Dense(10)(hidden(keras.layers.Flatten()(image)))
    model = keras.Model(image, scores)
    model.compile(
        optimizer=keras.optimizers.Adam(0.003),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(train_images, train_labels, epochs=30, verbose=0)
    _, keras_accuracy = model.evaluate(test_images, test_labels, verbose=0)

    report("digits: convert it to spiking neurons")
    converter = nengo_dl.Converter(
        model,
        swap_activations={keras.activations.relu: nengo.SpikingRectifiedLinear()},
        scale_firing_rates=FIRING_RATE_SCALE,
    )
    converter.net.seed = 0
    with converter.net:
        spike_probe = nengo.Probe(converter.layers[hidden])

    n_steps = PRESENTATION_TIMES[-1]
    report(f"digits: present {len(test_images)} of them for {n_steps} ms each")
    presented = np.repeat(test_images.reshape(-1, 1, 64), n_steps, axis=1)
    with nengo_dl.Simulator(
        converter.net, minibatch_size=60, progress_bar=False
    ) as sim:
        values = sim.predict({converter.inputs[image]: presented})
    # What the network has seen of a digit is the mean of its output so far.
    steps = np.arange(1, n_steps + 1)
    evidence = values[converter.outputs[scores]].cumsum(axis=1) / steps[:, None]
    accuracy = (evidence.argmax(axis=-1) == test_labels[:, None]).mean(axis=0)

    report("digits: plot")
    spikes = values[spike_probe] > 0
    plot(test_images[0], spikes[0], evidence[0], accuracy, keras_accuracy).savefig(
        folder / "digits.png", dpi=120
    )
    rate = spikes.mean() / sim.dt
    return [
        ("digits: accuracy of the Keras model", f"{keras_accuracy:.1%}"),
        *(
            (
                f"digits: accuracy in spikes after {time:3} ms",
                f"{accuracy[time - 1]:.1%}",
            )
            for time in PRESENTATION_TIMES
        ),
        ("digits: mean firing rate of the hidden neurons", f"{rate:.0f} Hz"),
    ]


def plot(
    image: Array, spikes: Array, evidence: Array, accuracy: Array, keras_accuracy: float
) -> Figure:
    """Plot what one digit does to the network, and how often the network is right.

    Parameters
    ----------
    image : (8, 8) array
        The digit.
    spikes : (n_steps, n_neurons) array of bool
        Which hidden neurons spike in answer to it, in each step of a millisecond.
    evidence : (n_steps, 10) array
        Mean output so far, for each digit that it could be.
    accuracy : (n_steps,) array
        How much of all digits is recognised after so many steps.
    keras_accuracy : float
        How much of all digits the Keras model recognises.

    Returns
    -------
    figure : matplotlib.figure.Figure
        The plot.
    """
    times = np.arange(1, len(spikes) + 1)
    figure, panels = plt.subplot_mosaic(
        [["image", "spikes", "accuracy"], [".", "evidence", "accuracy"]],
        figsize=(12, 6),
        width_ratios=[1, 3, 2.5],
        layout="constrained",
    )
    panels["image"].imshow(image, cmap="gray_r")
    panels["image"].set(title="One digit", xticks=[], yticks=[])

    # Neurons in the order of their rates make the code visible.
    order = spikes.sum(axis=0).argsort()
    active = [times[spikes[:, neuron]] for neuron in order if spikes[:, neuron].any()]
    panels["spikes"].eventplot(active, colors="k", linewidths=0.8)
    panels["spikes"].set(title="Spikes of the hidden neurons", ylabel="neuron")
    panels["spikes"].sharex(panels["evidence"])

    answer = evidence[-1].argmax()
    for digit, line in enumerate(evidence.T):
        color = "C1" if digit == answer else "0.75"
        panels["evidence"].plot(times, line, color=color)
    panels["evidence"].annotate(
        f" {answer}", (times[-1], evidence[-1, answer]), color="C1", va="center"
    )
    panels["evidence"].set(
        title="Output so far, for each answer", xlabel="time (ms)", ylabel="score"
    )

    panels["accuracy"].plot(times, 100 * accuracy, "C1", label="in spikes")
    panels["accuracy"].axhline(
        100 * keras_accuracy, color="0.4", linestyle=":", label="Keras model"
    )
    panels["accuracy"].set(
        title="Digits recognised",
        xlabel="presentation time (ms)",
        ylabel="accuracy (%)",
        ylim=(0, 102),
    )
    panels["accuracy"].legend(frameon=False, loc="lower right")
    for name in ("spikes", "evidence", "accuracy"):
        panels[name].spines[["top", "right"]].set_visible(False)
    return figure
