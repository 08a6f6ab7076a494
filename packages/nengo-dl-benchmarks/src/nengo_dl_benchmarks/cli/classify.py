"""``classify``: a real task, for accuracy and time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from nengo_dl_benchmarks import classification
from nengo_dl_benchmarks.cli import options
from nengo_dl_benchmarks.report import seconds


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with MNIST's files: train-* and t10k-* (images-idx3-ubyte.gz, "
    "labels-idx1-ubyte.gz), or one of these.  [default: the digits of scikit-learn]",
)
@options.positive("--n_test", default=360, help="Number of images to test on.")
@options.positive("--n_steps", default=50, help="Presentation of an image, in ms.")
@options.positive("--epochs", default=10, help="Passes through the training images.")
@options.positive(
    "--scale_firing_rates", default=250, help="Factor on the input of the neurons."
)
@options.positive(
    "--batch_size",
    "minibatch_size",
    default=60,
    help="Number of images that are presented at once.",
)
def classify(data: Path | None, n_test: int, n_steps: int, **settings: Any) -> None:
    """Recognise handwritten digits, in a Keras model and in spikes.

    The model is trained, converted to a spiking network, and both are tested. The
    images are the digits that scikit-learn brings, or come from a folder of MNIST's
    files.

    The extra nengo-dl-benchmarks[classify] has to be installed.
    """
    try:
        images = (
            classification.load_digits(n_test)
            if data is None
            else classification.load_idx(data, n_test)
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    console = Console()
    with console.status(f"train on {len(images.train_x)} images, test on {n_test}"):
        found = classification.classify(images, n_steps, **settings)
    table = Table("")
    table.add_column("accuracy", justify="right")
    table.add_column("time for an image", justify="right")
    table.add_row(
        "Keras model", f"{found.keras_accuracy:.1%}", seconds(found.keras_seconds)
    )
    for step in sorted({max(1, n_steps // part) for part in (10, 5, 2, 1)}):
        time = seconds(found.seconds) if step == n_steps else ""
        table.add_row(f"spikes, {step} ms", f"{found.accuracy[step - 1]:.1%}", time)
    console.print(table)
