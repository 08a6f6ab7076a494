"""What mixed precision costs in accuracy, on scikit-learn's digits.

Networks of three layers learn to tell 8 x 8 digits apart, with several seeds, and are
tested in the precision in which they were trained. ``python precision.py`` prints the
table that is in the guide on training.
"""

from __future__ import annotations

import argparse
from typing import Any

import keras
import nengo
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from nengo_dl_core import Layer, Simulator, configure_settings, dists

N_HIDDEN = 256


def keras_layers(policy: str, seed: int) -> nengo.Network:
    """Build Keras layers with a policy."""
    with nengo.Network(seed=seed) as net:
        x: Any = nengo.Node(np.zeros(64), label="x")
        for i, size in enumerate((N_HIDDEN, N_HIDDEN, 10)):
            dense = keras.layers.Dense(
                size,
                activation="relu" if size > 10 else None,
                kernel_initializer=keras.initializers.GlorotUniform(10 * seed + i),
                dtype=policy,
            )
            x = Layer(dense)(x, synapse=None)
        nengo.Probe(x, label="y")
    return net


def neurons(product_dtype: str | None, seed: int, spiking: bool) -> nengo.Network:
    """Build layers of neurons, of rates or of spikes."""
    with nengo.Network(seed=seed) as net:
        configure_settings(
            product_dtype=product_dtype,
            spike_gradient="fast_sigmoid" if spiking else None,
        )
        x: Any = nengo.Node(np.zeros(64), label="x")
        for _ in range(2):
            kind = nengo.LIF(amplitude=0.01) if spiking else nengo.RectifiedLinear()
            gain, bias = np.full(N_HIDDEN, 5.0), np.full(N_HIDDEN, float(spiking))
            layer = nengo.Ensemble(
                N_HIDDEN, 1, neuron_type=kind, gain=gain, bias=bias
            ).neurons
            nengo.Connection(
                x, layer, transform=dists.Glorot(), synapse=0.005 if spiking else None
            )
            x = layer
        output = nengo.Node(size_in=10)
        synapse = 0.01 if spiking else None
        nengo.Connection(x, output, transform=dists.Glorot(), synapse=synapse)
        nengo.Probe(output, label="y")
    return net


def trained(net: nengo.Network, n_steps: int, epochs: int) -> float:
    """Train a network, and return the share of errors on digits that are new."""
    images, numbers = load_digits(return_X_y=True)
    data = train_test_split(images / 16, numbers, test_size=597, random_state=0)
    x, x_test, y, y_test = data
    x, x_test = (np.repeat(a[:, None], n_steps, axis=1) for a in (x, x_test))
    y = np.repeat(y[:, None, None], n_steps, axis=1)
    with Simulator(net, minibatch_size=100, seed=0, progress_bar=False) as sim:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        sim.compile(keras.optimizers.Adam(1e-3), loss=loss)
        sim.fit(x, y, epochs=epochs, verbose=0)
        x_test, y_test = x_test[:500], y_test[:500]
        (values,) = sim.predict(x_test).values()
    return 100 * float(np.mean(values[:, -1].argmax(-1) != y_test))


def output(net: nengo.Network, n_steps: int) -> Any:
    """Return what a network computes of some digits before it is trained."""
    images = load_digits().data[:100] / 16
    with Simulator(net, minibatch_size=100, seed=0, progress_bar=False) as sim:
        (values,) = sim.predict(np.repeat(images[:, None], n_steps, axis=1)).values()
    return values


def main() -> None:
    """Print errors by network and precision, and how far outputs are from float32."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--steps", type=int, default=20, help="of spiking neurons")
    arguments = parser.parse_args()
    rows: list[tuple[str, Any, int]] = [
        (f"Keras layers, {policy}", lambda seed, p=policy: keras_layers(p, seed), 1)
        for policy in ("float32", "mixed_bfloat16", "mixed_float16")
    ]
    for spiking, name in ((False, "rates"), (True, "spikes")):
        rows += [
            (
                f"{name}, product_dtype={dtype}",
                lambda seed, d=dtype, s=spiking: neurons(d, seed, s),
                arguments.steps if spiking else 1,
            )
            for dtype in (None, "bfloat16")
        ]
    exact = np.zeros(0)
    for name, build, n_steps in rows:
        values = output(build(0), n_steps)
        if name.endswith(("float32", "None")) and "mixed" not in name:
            exact = values
        off = np.abs(values - exact).max() / np.abs(exact).max()
        print(f"{name}: off by {100 * off:.2g} % of the largest output")
        errors = [
            trained(build(seed), n_steps, arguments.epochs)
            for seed in range(arguments.seeds)
        ]
        mean, deviation = np.mean(errors), np.std(errors, ddof=1)
        print(f"{name}: {mean:.2f} ± {deviation:.2f} % errors", errors, flush=True)


if __name__ == "__main__":
    main()
