"""Train a Legendre memory unit on sequences of 784 steps, here and in Keras-LMU.

One memory, of the size that permuted sequential digits are classified with, whose
input is the sequence; a layer of 212 units reads the memory and the input, and ten
outputs read the layer. The layer has connections to itself (``rnn``) or none
(``dense``). All are trained by what they put out in every step. Seconds for `fit` of
one minibatch: the first, then the shortest and the median of seven more.

``nengo-dl`` computes the memory by powers of its matrix. Keras-LMU 0.9, which needs an
environment of its own, has three ways: ``fft`` and ``raw`` are its layer for memories
that nothing feeds back into, and ``cell`` is a step of a Keras RNN.

    python docs/benchmarks/legendre.py nengo-dl --layer rnn
    python docs/benchmarks/legendre.py cell --layer rnn

Compare them on a machine that has nothing else to do.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

N_STEPS, N_UNITS, N_OUTPUTS, ROUNDS = 784, 212, 10, 7
Data = Any


def nengo_dl(order: int, layer: str, x: Data, y: Data) -> Callable[[], Any]:
    """Build the network of Nengo objects, and return what fits a minibatch."""
    import nengo
    from scipy.signal import cont2discrete

    from nengo_dl_core import Simulator, configure_settings, dists

    i, j = np.ogrid[:order, :order]
    rate = (2 * i + 1) / N_STEPS
    a = rate * np.where(i < j, -1.0, (-1.0) ** (i - j + 1))
    b = rate * (-1.0) ** i
    c, d = np.ones((1, order)), np.zeros((1, 1))
    a, b, *_ = cont2discrete((a, b, c, d), dt=1.0, method="zoh")
    with nengo.Network(seed=0) as net:
        configure_settings(trainable=None)
        net.config[nengo.Connection].synapse = None
        stimulus, u = nengo.Node([0.0]), nengo.Node(size_in=1)
        memory, outputs = nengo.Node(size_in=order), nengo.Node(size_in=N_OUTPUTS)
        ensemble = nengo.Ensemble(
            N_UNITS,
            1,
            neuron_type=nengo.Tanh(tau_ref=1),
            gain=np.ones(N_UNITS),
            bias=np.zeros(N_UNITS),
        )
        units = ensemble.neurons
        nengo.Connection(stimulus, u, transform=[[1.0]])
        fixed = [
            nengo.Connection(u, memory, transform=b),
            # a synapse of time constant zero passes on the value of the step before
            nengo.Connection(memory, memory, transform=a, synapse=0),
        ]
        for pre, post in ((memory, units), (stimulus, units), (units, outputs)):
            nengo.Connection(pre, post, transform=dists.Glorot())
        if layer == "rnn":
            nengo.Connection(units, units, transform=dists.Glorot(), synapse=0)
        for found in (*fixed, ensemble, units):
            net.config[found].trainable = False
        nengo.Probe(outputs)
    sim = Simulator(net, minibatch_size=len(x), progress_bar=False)
    sim.compile(keras.optimizers.SGD(1e-6), loss="mse")
    return lambda: sim.fit(x, y, verbose=0)


def keras_lmu(way: str, order: int, layer: str, x: Data, y: Data) -> Callable[[], Any]:
    """Build the model of Keras-LMU's layers, and return what fits a minibatch."""
    from keras_lmu import LMUCell, LMUFeedforward

    if layer == "rnn":
        hidden = keras.layers.SimpleRNNCell(N_UNITS)
    else:
        hidden = keras.layers.Dense(N_UNITS, activation="tanh")
    options = {
        "memory_d": 1,
        "order": order,
        "theta": N_STEPS,
        "hidden_cell": hidden,
        "input_to_hidden": True,
        "kernel_initializer": "ones",
    }
    if way == "cell":
        unit = keras.layers.RNN(LMUCell(**options), return_sequences=True)
    else:
        unit = LMUFeedforward(**options, conv_mode=way, return_sequences=True)
    model = keras.Sequential(
        [keras.Input((N_STEPS, 1)), unit, keras.layers.Dense(N_OUTPUTS)]
    )
    model.compile(keras.optimizers.SGD(1e-6), loss="mse")
    return lambda: model.fit(x, y, batch_size=len(x), verbose=0)


def main() -> None:
    """Measure one way."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("way", choices=["nengo-dl", "fft", "raw", "cell"])
    parser.add_argument("--layer", choices=["rnn", "dense"], default="rnn")
    parser.add_argument("--order", type=int, default=256)
    parser.add_argument("--minibatch", type=int, default=32)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    x = rng.random((given.minibatch, N_STEPS, 1)).astype(np.float32)
    y = rng.normal(size=(given.minibatch, N_STEPS, N_OUTPUTS)).astype(np.float32)
    arguments = given.order, given.layer, x, y
    if given.way == "nengo-dl":
        fit = nengo_dl(*arguments)
    else:
        fit = keras_lmu(given.way, *arguments)
    seconds = []
    for _ in range(1 + ROUNDS):
        start = time.perf_counter()
        fit()
        seconds.append(time.perf_counter() - start)
    first, *others = seconds
    print(
        f"{given.way}, {given.layer}, order {given.order}, {given.minibatch} items: "
        f"first {first:.2f}, shortest {min(others):.3f}, "
        f"median {statistics.median(others):.3f}"
    )


if __name__ == "__main__":
    main()
