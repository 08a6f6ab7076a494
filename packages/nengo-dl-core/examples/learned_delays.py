"""Learn delays: tell by how much one channel comes before another.

Two channels have a pulse each, at any time; the class is how many steps the second one
comes later. Neurons that forget within a few steps cannot tell long lags apart, unless
what arrives first waits for what arrives later. Here each of them has two delays, one
for each channel, which are learned together with the weights, in training between two
steps and afterwards rounded to whole ones. Beside them are networks of the same size
without delays, and with random ones that stay as they are.

Run it with ``python learned_delays.py``; it needs nengo-dl-core alone. It prints the
accuracy of the spiking networks on samples that they have not seen.
"""

import argparse

import keras
import nengo
import numpy as np

from nengo_dl_core import Delay, Simulator, configure_settings

RATE, DT = 0.02, 0.001
N_STEPS, LAGS, N_NEURONS, MAX_DELAY = 60, np.arange(0, 20, 4), 16, 20


def samples(n, rng):
    """Two pulses each, ``(n, N_STEPS, 2)``, and the class of the lag between them."""
    classes = rng.integers(len(LAGS), size=n)
    first = rng.uniform(5, N_STEPS - 35, size=n)
    times = np.stack([first, first + LAGS[classes]], 1)[:, np.newaxis]
    distance = np.arange(N_STEPS)[:, np.newaxis] - times
    x = np.exp(-((distance / 4) ** 2)) + 0.05 * rng.normal(size=distance.shape)
    return x, classes[:, np.newaxis, np.newaxis]


def network(delays, seed):
    """Neurons whose input is delayed, and what they say about the class.

    ``delays`` are ``"none"``, ``"random"`` or ``"learned"``.
    """
    rng = np.random.default_rng(seed)
    with nengo.Network(seed=seed) as net:
        configure_settings(trainable=True, spike_gradient="fast_sigmoid")
        configure_settings(keep_history=False)
        net.stimulus = nengo.Node(np.zeros(2))
        neurons = nengo.Ensemble(
            N_NEURONS,
            1,
            neuron_type=nengo.LIF(tau_rc=0.003, tau_ref=0, amplitude=DT),
            gain=np.full(N_NEURONS, 2.0),
            bias=np.zeros(N_NEURONS),
        ).neurons
        net.delayed = []
        for channel in range(2):
            steps = rng.integers(MAX_DELAY + 1, size=N_NEURONS)
            synapse = {
                "none": Delay(0),
                "random": Delay(steps),
                "learned": Delay(steps, max_steps=MAX_DELAY),
            }[delays]
            net.delayed.append(
                nengo.Connection(
                    net.stimulus[channel],
                    neurons,
                    transform=rng.uniform(0.25, 1, (N_NEURONS, 1)),
                    synapse=synapse,
                )
            )
        net.output = nengo.Node(size_in=len(LAGS))
        nengo.Connection(
            neurons,
            net.output,
            transform=rng.normal(size=(len(LAGS), N_NEURONS)),
            synapse=0.1,
        )
        net.probe = nengo.Probe(net.output)
    return net


def accuracy(delays, epochs, seed=0, n_samples=2000):
    """Train a network, and return how many of 1,000 other samples it tells right."""
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    (x, y), (x_test, y_test) = samples(n_samples, rng), samples(1000, rng)
    net = network(delays, seed)
    with Simulator(net, minibatch_size=50, seed=seed, progress_bar=False) as sim:
        rate = keras.optimizers.schedules.CosineDecay(RATE, epochs * len(x) // 50)
        sim.compile(
            keras.optimizers.Adam(rate),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        sim.fit(x, y, epochs=epochs, verbose=0)
        guesses = sim.predict(x_test)[net.probe].argmax(-1)
    return float(np.mean(guesses == y_test[..., 0]))


def main(epochs, n_seeds):
    """Compare networks, and return the accuracy of each kind."""
    found = {}
    for delays in ("none", "random", "learned"):
        values = [accuracy(delays, epochs, seed) for seed in range(n_seeds)]
        found[delays] = np.mean(values)
        print(f"delays {delays}: {np.round(values, 3)}")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--epochs", type=int, default=20, help="training epochs")
    parser.add_argument("--seeds", type=int, default=3, help="networks of each kind")
    arguments = parser.parse_args()
    main(arguments.epochs, arguments.seeds)
