"""Draw the picture of the front page, ``_static/front.svg``: ``python docs/front.py``.

What it says of times is what `benchmarks/comparison.json` has.
"""

import json
from pathlib import Path
from statistics import median

import keras
import matplotlib.pyplot as plt
import nengo
import numpy as np
from matplotlib.axes import Axes
from sklearn.datasets import load_digits

import nengo_dl
from nengo_dl_converter import Converter

HERE = Path(__file__).parent


def draw_outputs(axes: Axes) -> None:
    """Simulate a network with feedback, in Nengo and here."""
    with nengo.Network(seed=1) as net:
        drive = nengo.Node(lambda t: 40 * (t < 0.05))
        oscillator = nengo.Ensemble(200, 2)
        nengo.Connection(drive, oscillator[0], transform=0.1)
        turn = [[1, 1], [-1, 1]]
        nengo.Connection(oscillator, oscillator, transform=turn, synapse=0.1)
        probe = nengo.Probe(oscillator, synapse=0.02)
    styles = {nengo.Simulator: "-", nengo_dl.Simulator: "--"}
    for simulator, style in styles.items():
        with simulator(net, progress_bar=False) as sim:
            sim.run(1.0)
        name = f"{simulator.__module__.split('.')[0]}.Simulator"
        axes.plot(sim.trange(), sim.data[probe][:, 0], style, label=name)
    axes.set(title="The same output", xlabel="time (s)")
    axes.legend(fontsize="small", loc="upper right")
    axes.set_ylim(top=2)


def draw_spikes(axes: Axes) -> None:
    """Train a Keras model, and show a digit to the spiking network made of it."""
    keras.utils.set_random_seed(0)
    pixels, digits = load_digits(return_X_y=True)
    image = keras.Input((64,))
    layer = keras.layers.Dense(64, activation="relu")
    model = keras.Model(image, keras.layers.Dense(10)(layer(image)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.003), loss=loss)
    model.fit(pixels[1:] / 16, digits[1:], epochs=15, verbose=0)
    spiking = Converter(
        model,
        swap_activations={keras.activations.relu: nengo.SpikingRectifiedLinear()},
        scale_firing_rates=50,
    )
    spiking.net.seed = 0
    with spiking.net:
        probe = nengo.Probe(spiking.layers[layer])
    shown = np.tile(pixels[:1] / 16, (1, 100, 1))
    with nengo_dl.Simulator(spiking.net, progress_bar=False) as sim:
        sim.run_steps(100, data={spiking.inputs[image]: shown})
        trains = np.array(sim.data[probe]).T
    axes.eventplot([np.flatnonzero(train) for train in trains], color="black")
    axes.set(title="A Keras model that spikes", xlabel="time (ms)", ylabel="neuron")


def draw_times(axes: Axes) -> None:
    """Show how many times as long Nengo takes for networks, for one input."""
    content = json.loads((HERE / "benchmarks/comparison.json").read_text())
    found: dict[str, dict[str, float]] = {}
    for measurement in content["measurements"]:
        case = measurement["case"]
        if case["mode"] in ("run", "step") and case["batch_size"] == 1:
            name = case["benchmark"].replace("_", " ")
            name += ", one step alone" if case["mode"] == "step" else ""
            warm = median(measurement["warm"])
            found.setdefault(name, {})[measurement["backend"]] = warm
    ratios = {name: times["nengo"] / times["ours"] for name, times in found.items()}
    names = sorted(ratios, key=ratios.__getitem__)
    bars = axes.barh(names, [ratios[name] for name in names])
    axes.bar_label(bars, fmt="%.2g", padding=2)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set(xscale="log", xlim=(0.1, 80), title="Times as fast as Nengo")


def main() -> None:
    """Draw all three."""
    plt.rcParams.update({"svg.hashsalt": "front", "svg.fonttype": "path"})
    figure, axes = plt.subplots(
        1, 3, figsize=(11, 3.2), layout="constrained", width_ratios=(1, 1, 1)
    )
    draw_outputs(axes[0])
    draw_spikes(axes[1])
    draw_times(axes[2])
    figure.savefig(HERE / "_static/front.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
