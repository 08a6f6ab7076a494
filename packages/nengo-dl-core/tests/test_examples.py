"""The examples run, here with little to learn from."""

import gzip
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def example(name):
    return SimpleNamespace(**runpy.run_path(str(EXAMPLES / f"{name}.py")))


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    path.write_bytes(gzip.compress(header + array.tobytes()))


def test_spiking_mnist(tmp_path):
    """Digits that are a bar at one of ten places."""
    labels = np.arange(100, dtype=np.uint8) % 10
    images = np.zeros((100, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4:24, 4 + 2 * label : 6 + 2 * label] = 255
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", images)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", labels)
    spiking_mnist = example("spiking_mnist")
    pixels, digits = spiking_mnist.load(tmp_path)
    np.testing.assert_array_equal(
        pixels.reshape(images.shape), images / np.float32(255)
    )
    np.testing.assert_array_equal(digits.ravel(), labels)
    correct = spiking_mnist.main(tmp_path, epochs=1, plot=tmp_path / "plot.png")
    assert 0 <= correct <= 1
    assert (tmp_path / "plot.png").stat().st_size


def test_tensorflow_model(tmp_path):
    single, in_the_end = example("tensorflow_model").main(
        n_images=20, epochs=5, neurons_per_digit=20, plot=tmp_path / "plot.png"
    )
    assert in_the_end > single
    assert (tmp_path / "plot.png").stat().st_size


def test_spa_memory(tmp_path):
    right = example("spa_memory").main(
        dimensions=32, neurons_per_dimension=20, plot=tmp_path / "plot.png"
    )
    assert right > 0.5  # by guessing 0.25
    assert (tmp_path / "plot.png").stat().st_size


def test_spa_retrieval():
    right = example("spa_retrieval").main(n_train=1500, epochs=30)
    assert right["as solved"] < right["trained"] == right["loaded"]


def test_from_tensorflow():
    right = example("from_tensorflow").main(epochs=5)
    assert right["model in a Node"] == pytest.approx(right["Keras model"])
    assert min(right.values()) > 0.7  # by guessing 0.1
    assert right["spiking neurons"] > right["Nengo's neurons"] - 0.05


def test_lmu(tmp_path):
    before, after = example("lmu").main(epochs=1, plot=tmp_path / "plot.png")
    assert after < before
    assert (tmp_path / "plot.png").stat().st_size


def test_from_nengo(tmp_path):
    before, _, after = example("from_nengo").main(tmp_path, epochs=(1, 3))
    assert after < before
    assert len([*tmp_path.glob("*.png")]) == 5


def test_learned_delays():
    accuracy = example("learned_delays").accuracy
    without, learned = (
        accuracy(kind, epochs=6, n_samples=1000) for kind in ("none", "learned")
    )
    assert learned > without + 0.03
