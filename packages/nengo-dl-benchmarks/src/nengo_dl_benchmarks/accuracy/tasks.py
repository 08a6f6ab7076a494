"""What the suite of real data consists of."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from nengo_dl_benchmarks.accuracy import data, peer
from nengo_dl_benchmarks.accuracy.classifier import Classifier
from nengo_dl_benchmarks.accuracy.data import Samples
from nengo_dl_benchmarks.accuracy.forecaster import Forecaster
from nengo_dl_benchmarks.accuracy.scores import Score

if TYPE_CHECKING:
    from nengo_dl_benchmarks.classification import Images

N_STEPS_SHOWN = 8  # of a digit that is shown at once
PIXELS_PER_STEP = 8  # of one whose pixels are shown one after the other


@dataclass(frozen=True)
class Task:
    """Samples, and the networks that learn them.

    Parameters
    ----------
    load : callable
        Gives the samples for the folder with the files of MNIST, or None.
    networks : tuple of Classifier
        The networks. The first is what is quantized.
    compared : bool
        Whether a peer trains the layers of the first, too, with fully connected
        weights.
    """

    load: Callable[[Path | None], Samples]
    networks: tuple[Classifier, ...]
    compared: bool = False


@cache
def _digits(folder: Path | None) -> Images:
    return data.digits(folder)


def _of_digits(
    function: Callable[..., Samples], **kwargs: int
) -> Callable[..., Samples]:
    return lambda folder: function(_digits(folder), **kwargs)


def _series(name: str, points_per_step: int = 1) -> Callable[..., Samples]:
    return lambda _: data.grouped(data.time_series(name), points_per_step)


# Rates of learning and decay are chosen by cross-validation on what is learned from.
VOWELS = partial(
    Classifier,
    (64,),
    epochs=60,
    minibatch_size=30,
    learning_rate=0.02,
    weight_decay=0.3,
)
PERMUTED = partial(Classifier, (128,))

TASKS = {
    "MNIST": Task(
        _of_digits(data.shown, n_steps=N_STEPS_SHOWN),
        (
            Classifier(
                (64,),
                filters=((16, 5, 2), (32, 5, 2)),
                epochs=15,
                learning_rate=0.003,
            ),
        ),
    ),
    "MNIST by rows": Task(
        _of_digits(data.row_by_row),
        (
            Classifier(
                (128,), n_delayed=6, max_delay=14, epochs=15, learning_rate=0.005
            ),
        ),
    ),
    "MNIST, permuted": Task(
        _of_digits(data.permuted_pixels, per_step=PIXELS_PER_STEP),
        (
            PERMUTED(
                recurrent=True, tau_rc=20, tau_out=100, epochs=6, minibatch_size=100
            ),
            PERMUTED(n_delayed=4, max_delay=97, tau_rc=2, epochs=6),
        ),
        compared=True,
    ),
    "BasicMotions": Task(
        _series("BasicMotions", points_per_step=5),
        (Classifier((64,), n_delayed=2, max_delay=10, epochs=60, minibatch_size=20),),
    ),
    "JapaneseVowels": Task(
        _series("JapaneseVowels"),
        (VOWELS(), VOWELS(n_delayed=1, max_delay=4)),
        compared=True,
    ),
    "GunPoint": Task(
        _series("GunPoint", points_per_step=10),
        (
            Classifier(
                (64,),
                n_delayed=4,
                max_delay=14,
                tau_out=6,
                epochs=150,
                minibatch_size=25,
            ),
        ),
    ),
    "ACSF1": Task(
        _series("ACSF1", points_per_step=20),
        (
            Classifier(
                (128, 64), recurrent=True, tau_out=73, epochs=150, minibatch_size=25
            ),
        ),
    ),
}
MACKEY_GLASS = "Mackey-Glass"
FORECASTER = Forecaster()
NAMES = [*TASKS, MACKEY_GLASS]


@dataclass(frozen=True)
class Training:
    """A network that is trained for a task.

    Parameters
    ----------
    network, framework : str
        What the score says of them.
    score : callable
        Trains and tests it for a seed.
    """

    network: str
    framework: str
    score: Callable[[int], Score]


def trainings(
    name: str,
    folder: Path | None = None,
    bits: Sequence[int] = (),
    python: str | None = None,
) -> list[Training]:
    """List what is trained for a task.

    Parameters
    ----------
    name : str
        Name of the task, of `NAMES`.
    folder : Path, optional
        Holds the files of MNIST.
    bits : sequence of int
        For how many bits of weights the first network is trained, too.
    python : str, optional
        Interpreter of an environment with snnTorch, which trains the layers of the
        first network, if the task is compared.

    Returns
    -------
    trainings : list of Training
        The trainings; that of snnTorch comes after that of the same layers.

    Raises
    ------
    MissingData
        If the package with the data is not installed.
    """
    if name == MACKEY_GLASS:
        return [Training(str(FORECASTER), "NengoDL", partial(FORECASTER.score, name))]
    task = TASKS[name]
    samples, first = task.load(folder), task.networks[0]
    own = [
        Training(str(network), "NengoDL", partial(network.score, name, samples))
        for network in (*task.networks, *(replace(first, bits=n) for n in bits))
    ]
    if python is None or not task.compared:
        return own
    score = partial(score_of_peer, python, name, first, samples)
    return [own[0], Training(str(first), "snnTorch", score), *own[1:]]


def score_of_peer(
    python: str, name: str, network: Classifier, samples: Samples, seed: int
) -> Score:
    """Train the layers of a network in snnTorch, as its tutorials do.

    Parameters
    ----------
    python : str
        Interpreter of an environment that has it.
    name : str
        Name of the task.
    network : Classifier
        Gives layers, epochs and minibatches; the rest is that of the tutorials (see
        `nengo_dl_benchmarks.accuracy.peer`).
    samples : Samples
        What to learn from and to be tested on.
    seed : int
        Seed of weights and of the order of the samples.

    Returns
    -------
    score : Score
        How well it did. Operations are not counted.

    Raises
    ------
    RuntimeError
        If it failed; the message is what it wrote last.
    """
    job = {
        "layers": network.layers,
        "recurrent": network.recurrent,
        "epochs": network.epochs,
        "minibatch_size": network.minibatch_size,
        "seed": seed,
        "n_classes": samples.n_classes,
    }
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / "job.json", Path(folder) / "samples.npz"]
        paths[0].write_text(json.dumps(job))
        np.savez(paths[1], **asdict(samples))
        command = [python, peer.__file__, *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} in snnTorch: {done.stderr.strip()[-500:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return Score(
        task=name,
        network=str(network),
        seed=seed,
        figure="accuracy",
        value=found["accuracy"],
        n_steps=samples.n_steps,
        seconds=found["seconds"],
        framework="snnTorch",
    )
