"""A network that computes sin(x²), in Nengo and in NengoDL."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nengo
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

import nengo_dl

Array = npt.NDArray[Any]
SEED = 0
INK = {"input": "0.75", "ideal": "0.3", "nengo": "C0", "nengo_dl": "C1"}


def run(folder: Path, report: Callable[[str], None]) -> list[tuple[str, str]]:
    """Simulate and plot.

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
    with nengo.Network(seed=SEED) as network:
        nengo_dl.configure_settings(dtype="float64")
        x = nengo.Node(nengo.processes.WhiteSignal(period=1, high=5, rms=0.3))
        square = nengo.Ensemble(20, 1)
        sine = nengo.Ensemble(20, 1)
        output = nengo.Node(size_in=1)
        nengo.Connection(x, square)
        nengo.Connection(square, sine, function=np.square)
        nengo.Connection(sine, output, function=np.sin)
        x_probe = nengo.Probe(x)
        output_probe = nengo.Probe(output, synapse=0.01)

    report("sin(x²): nengo.Simulator")
    with nengo.Simulator(network, seed=SEED, progress_bar=False) as reference:
        reference.run(1.0)

    report("sin(x²): nengo_dl.Simulator")
    with nengo_dl.Simulator(network, seed=SEED, progress_bar=False) as sim:
        sim.run(1.0)

    report("sin(x²): three inputs at once")
    scale = np.array([0.4, 0.7, 1.0])[:, None, None]
    ramps = scale * np.linspace(-1, 1, 1000)[:, None]
    with nengo_dl.Simulator(network, minibatch_size=3, progress_bar=False) as batch:
        batch.run(1.0, data={x: ramps})

    report("sin(x²): plot")
    figure = plot(
        1000 * reference.trange(),
        reference.data[x_probe],
        reference.data[output_probe],
        sim.data[output_probe],
        batch.data[x_probe],
        batch.data[output_probe],
    )
    figure.savefig(folder / "tutorial.png", dpi=120)
    difference = np.abs(sim.data[output_probe] - reference.data[output_probe]).max()
    return [("sin(x²): largest difference from Nengo", f"{difference:.1e}")]


def plot(
    times: Array,
    x: Array,
    nengo_output: Array,
    output: Array,
    xs: Array,
    outputs: Array,
) -> Figure:
    """Plot one input in both simulators, and several in one run.

    Parameters
    ----------
    times : (n_steps,) array
        Times of the steps, in milliseconds.
    x : (n_steps, 1) array
        The input.
    nengo_output : (n_steps, 1) array
        The reference simulator's output.
    output : (n_steps, 1) array
        NengoDL's output.
    xs : (n_inputs, n_steps, 1) array
        Inputs of one run.
    outputs : (n_inputs, n_steps, 1) array
        NengoDL's output for each.

    Returns
    -------
    figure : matplotlib.figure.Figure
        The plot.
    """
    figure, panels = plt.subplot_mosaic(
        [["both", 0], ["both", 1], ["difference", 2]],
        figsize=(12, 6),
        width_ratios=[2, 1],
        layout="constrained",
        sharex=True,
    )
    panels["both"].plot(times, x, INK["input"], label="x")
    panels["both"].plot(times, np.sin(x**2), INK["ideal"], ls=":", label="sin(x²)")
    panels["both"].plot(
        times, nengo_output, INK["nengo"], lw=5, alpha=0.4, label="nengo.Simulator"
    )
    panels["both"].plot(times, output, INK["nengo_dl"], label="nengo_dl.Simulator")
    panels["both"].set_title("One network in two simulators")
    panels["both"].legend(frameon=False, ncols=4, loc="lower left")
    panels["both"].set_ylim(-0.65, 0.5)

    panels["difference"].plot(times, output - nengo_output, INK["nengo_dl"])
    panels["difference"].set(xlabel="time (ms)", title="Difference of the two")

    for item, (one_x, one_output) in enumerate(zip(xs, outputs, strict=True)):
        panels[item].plot(times, one_x, INK["input"])
        panels[item].plot(times, np.sin(one_x**2), INK["ideal"], ls=":")
        panels[item].plot(times, one_output, INK["nengo_dl"])
        panels[item].set_ylim(-1.1, 1.1)
    panels[0].set_title("Three inputs in one run")
    panels[2].set_xlabel("time (ms)")
    for panel in panels.values():
        panel.spines[["top", "right"]].set_visible(False)
    return figure
