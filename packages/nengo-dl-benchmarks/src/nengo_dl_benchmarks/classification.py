"""Handwritten digits, recognised by a Keras model and by the spiking network of it."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import nengo
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Images:
    """Labelled images, those to learn from and those to be tested on.

    Parameters
    ----------
    train_x, test_x : (n, height, width, 1) array
        Brightness of the pixels, from 0 to 1.
    train_y, test_y : (n,) array of int
        The digits that they show.
    """

    train_x: Array
    train_y: Array
    test_x: Array
    test_y: Array


def load_digits(n_test: int) -> Images:
    """Load the 1797 digits of 8 by 8 pixels that scikit-learn brings.

    Parameters
    ----------
    n_test : int
        Number of images to be tested on; the last ones.

    Returns
    -------
    images : Images
        The digits.
    """
    from sklearn import datasets

    pixels, labels = datasets.load_digits(return_X_y=True)
    return _split(pixels.reshape(-1, 8, 8, 1) / 16, labels, n_test)


def load_idx(folder: Path, n_test: int) -> Images:
    """Load images in the format of MNIST.

    Parameters
    ----------
    folder : Path
        Holds files ``*images-idx3-ubyte.gz`` and ``*labels-idx1-ubyte.gz``: those of
        MNIST's ``train``, or ``t10k``, or both.
    n_test : int
        Number of images to be tested on; the last ones, of ``t10k`` if it is there.

    Returns
    -------
    images : Images
        The digits.

    Raises
    ------
    ValueError
        If there are no such files in the folder.
    """
    arrays = []
    for pattern in ("*images-idx3-ubyte.gz", "*labels-idx1-ubyte.gz"):
        paths = sorted(folder.glob(pattern), reverse=True)  # t10k comes after train
        if not paths:
            raise ValueError(f"{folder} has no file {pattern}")
        arrays.append(np.concatenate([_read_idx(path) for path in paths]))
    pixels, labels = arrays
    return _split(pixels[..., None] / 255, labels, n_test)


def _read_idx(path: Path) -> Array:
    data = gzip.decompress(path.read_bytes())
    # The fourth byte is the number of axes; their lengths follow, big end first.
    shape = np.frombuffer(data, ">i4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


def _split(x: Array, y: Array, n_test: int) -> Images:
    if not 0 < n_test < len(x):
        raise ValueError(f"cannot test on {n_test} of {len(x)} images")
    return Images(x[:-n_test], y[:-n_test], x[-n_test:], y[-n_test:])


@dataclass(frozen=True)
class Classified:
    """How well, and how fast, images were classified.

    Parameters
    ----------
    keras_accuracy : float
        Share of the images that the Keras model recognises.
    accuracy : (n_steps,) array
        Share that the spiking network recognises, by what it has put out so far.
    keras_seconds, seconds : float
        What an image takes, when all are classified at once: in the Keras model, and
        in the spiking network for all steps.
    """

    keras_accuracy: float
    accuracy: Array
    keras_seconds: float
    seconds: float


def classify(
    images: Images,
    n_steps: int = 50,
    scale_firing_rates: float = 250,
    epochs: int = 3,
    minibatch_size: int = 50,
) -> Classified:
    """Train a convolutional Keras model, and run it in spikes.

    Parameters
    ----------
    images : Images
        What to learn from, and to be tested on.
    n_steps : int
        How long each image is presented, in milliseconds.
    scale_firing_rates : float
        As for `nengo_dl.Converter`.
    epochs : int
        Number of passes through the images in training.
    minibatch_size : int
        Number of images that are presented at once.

    Returns
    -------
    classified : Classified
        Accuracy and time.
    """
    model = _trained(images, epochs)
    options = {"batch_size": minibatch_size, "verbose": 0}
    _, keras_accuracy = model.evaluate(images.test_x, images.test_y, **options)
    model.predict(images.test_x, **options)  # compiles
    keras_seconds = _seconds(lambda: model.predict(images.test_x, **options))
    accuracy, seconds = _in_spikes(
        model, images, n_steps, scale_firing_rates, minibatch_size
    )
    n_images = len(images.test_x)
    return Classified(
        keras_accuracy, accuracy, keras_seconds / n_images, seconds / n_images
    )


def _trained(images: Images, epochs: int) -> Any:
    """Train a Keras model."""
    # Whoever wants but a network need not wait for TensorFlow.
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input(images.train_x.shape[1:])
    x = image
    for filters, strides in ((16, 1), (32, 2)):
        x = keras.layers.Conv2D(filters, 3, strides=strides, activation="relu")(x)
    scores = keras.layers.Dense(10)(keras.layers.Flatten()(x))
    model = keras.Model(image, scores)
    model.compile(
        optimizer=keras.optimizers.Adam(0.003),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(images.train_x, images.train_y, epochs=epochs, verbose=0)
    return model


def _in_spikes(
    model: Any,
    images: Images,
    n_steps: int,
    scale_firing_rates: float,
    minibatch_size: int,
) -> tuple[Array, float]:
    """Run a Keras model in spikes: accuracy by step, and seconds for all images."""
    import keras

    from nengo_dl_converter import Converter
    from nengo_dl_core import Simulator

    converter = Converter(
        model,
        allow_fallback=False,
        swap_activations={keras.activations.relu: nengo.SpikingRectifiedLinear()},
        scale_firing_rates=scale_firing_rates,
    )
    converter.net.seed = 0
    flat = images.test_x.reshape(len(images.test_x), 1, -1)
    inputs = {converter.inputs[model.input]: np.repeat(flat, n_steps, axis=1)}
    with Simulator(
        converter.net, minibatch_size=minibatch_size, progress_bar=False
    ) as sim:
        values = sim.predict(inputs)
        seconds = _seconds(lambda: sim.predict(inputs))
    evidence = values[converter.outputs[model.output]].cumsum(axis=1)
    correct = evidence.argmax(axis=-1) == images.test_y[:, None]
    return correct.mean(axis=0), seconds


def _seconds(function: Any) -> float:
    start = perf_counter()
    function()
    return perf_counter() - start
