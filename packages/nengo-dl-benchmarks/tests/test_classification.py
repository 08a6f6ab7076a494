"""Handwritten digits, in a Keras model and in spikes."""

import gzip

import numpy as np
import pytest
from click.testing import CliRunner

from nengo_dl_benchmarks.classification import classify, load_digits, load_idx
from nengo_dl_benchmarks.cli import main

pytest.importorskip("nengo_dl_converter")
pytest.importorskip("sklearn")


def test_spikes_recognise_what_the_keras_model_does():
    found = classify(load_digits(n_test=100), n_steps=50, epochs=5)
    assert found.keras_accuracy > 0.85
    assert abs(found.accuracy[-1] - found.keras_accuracy) <= 0.02
    assert found.accuracy[0] < found.accuracy[-1]
    assert found.seconds > 0


@pytest.mark.parametrize("parts", [{"t10k": (0, 5)}, {"t10k": (2, 5), "train": (0, 2)}])
def test_images_in_the_format_of_mnist_are_read(parts, tmp_path):
    pixels = np.arange(5 * 2 * 3, dtype=np.uint8).reshape(5, 2, 3)
    labels = np.arange(5, dtype=np.uint8)
    for part, (start, stop) in parts.items():
        for name, whole in (("images-idx3", pixels), ("labels-idx1", labels)):
            array = whole[start:stop]
            shape = np.array(array.shape, ">i4").tobytes()
            data = bytes([0, 0, 8, array.ndim]) + shape + array.tobytes()
            (tmp_path / f"{part}-{name}-ubyte.gz").write_bytes(gzip.compress(data))
    images = load_idx(tmp_path, n_test=2)
    np.testing.assert_array_equal(images.train_x[..., 0] * 255, pixels[:3])
    np.testing.assert_array_equal(images.test_x[..., 0] * 255, pixels[3:])
    assert images.train_y.tolist() == [0, 1, 2]
    assert images.test_y.tolist() == [3, 4]


def test_the_command_shows_both_accuracies():
    arguments = ["--n_test", "60", "--n_steps", "20", "--epochs", "1"]
    result = CliRunner().invoke(main, ["classify", *arguments])
    assert result.exit_code == 0, result.output
    for row in ("Keras model", "spikes, 2 ms", "spikes, 20 ms"):
        assert row in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "."], "has no file *images-idx3-ubyte.gz"),
        (["--n_test", "5000"], "cannot test on 5000 of 1797 images"),
    ],
)
def test_wrong_data_is_named(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["classify", *arguments])
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
