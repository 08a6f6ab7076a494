"""Spiking networks that tell sequences apart, and their training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import nengo
import numpy as np
import numpy.typing as npt

from nengo_dl_benchmarks.accuracy.data import Samples
from nengo_dl_benchmarks.accuracy.scores import Score

DT = 0.001
# Standard deviation of what the first weights make of inputs of size 1
SCALE = 1.5
RECURRENT_SCALE = 0.5  # from neurons of the same layer
READOUT_SCALE = 1
N_MEASURED = 100  # samples in which operations are counted


@dataclass(frozen=True)
class Classifier:
    """A spiking network, and how it is trained.

    Layers of LIF neurons without refractory period follow each other, and a linear
    readout, whose filtered value in the last step tells the class. Weights and biases
    are trained in spikes, with the derivative of a fast sigmoid in place of that of a
    spike, by Adam with decoupled weight decay and a learning rate that falls to zero as
    a cosine.

    Parameters
    ----------
    layers : tuple of int
        Numbers of neurons.
    filters : tuple of (int, int, int)
        Convolutions before them, of square images and with neurons each: number of
        filters, their size and stride.
    recurrent : bool
        Whether the neurons of each layer have connections among each other.
    n_delayed, max_delay : int
        How many more connections there are from the inputs to the first layer, with a
        delay of up to so many steps for each neuron, which is learned.
    bits : int
        Bits of weights, if not 0. Inputs have 8 then, voltages 16.
    tau_rc, tau_out : float
        Time constants of the neurons and of the readout, in steps.
    epochs, minibatch_size, learning_rate, weight_decay
        As in Keras.
    """

    layers: tuple[int, ...]
    filters: tuple[tuple[int, int, int], ...] = ()
    recurrent: bool = False
    n_delayed: int = 0
    max_delay: int = 0
    bits: int = 0
    tau_rc: float = 5
    tau_out: float = 20
    epochs: int = 20
    minibatch_size: int = 50
    learning_rate: float = 0.01
    weight_decay: float = 0

    def __str__(self) -> str:
        filters = [f"{n} of {size}×{size}" for n, size, _ in self.filters]
        words = ["–".join([*filters, *map(str, self.layers)])]
        words += ["recurrent"] * self.recurrent
        words += ["learned delays"] * bool(self.n_delayed)
        words += [f"{self.bits} bits"] * bool(self.bits)
        return ", ".join(words)

    @property
    def gain(self) -> float:
        """Gain of the neurons, by which an input adds about itself to their voltage.

        It is a power of two, so that integers are shifted by it.
        """
        return float(2 ** round(-math.log2(-math.expm1(-1 / self.tau_rc))))

    def network(self, samples: Samples, seed: int) -> nengo.Network:
        """Build the network.

        Parameters
        ----------
        samples : Samples
            What it is to learn.
        seed : int
            Seed of the first weights.

        Returns
        -------
        net : nengo.Network
            The input Node is ``net.x``, the Probe ``net.probe``.
        """
        from nengo_dl_core import Delay, configure_settings

        rng = np.random.default_rng(seed)

        def normal(
            *shape: int, fan_in: int, scale: float = SCALE
        ) -> npt.NDArray[np.float64]:
            return rng.normal(0, scale / np.sqrt(fan_in), shape)

        def layer(n: int) -> nengo.ensemble.Neurons:
            kind = nengo.LIF(tau_rc=self.tau_rc * DT, tau_ref=0, amplitude=DT)
            ones = np.ones(n)
            return nengo.Ensemble(
                n, 1, neuron_type=kind, gain=self.gain * ones, bias=0 * ones
            ).neurons

        with nengo.Network(seed=seed) as net:
            configure_settings(
                trainable=True,
                spike_gradient="fast_sigmoid",
                keep_history=False,
                quantization=_quantization(self.bits, samples),
            )
            net.x = source = nengo.Node(np.zeros(samples.size), label="input")
            shape: tuple[int, ...] = (math.isqrt(samples.size),) * 2 + (1,)
            for n, size, stride in self.filters:
                weights = normal(size, size, shape[2], n, fan_in=size**2 * shape[2])
                transform = nengo.Convolution(
                    n, shape, (size, size), strides=(stride, stride), init=weights
                )
                shape = transform.output_shape.shape
                neurons = layer(transform.size_out)
                nengo.Connection(source, neurons, transform=transform, synapse=None)
                source = neurons
            for number, n in enumerate(self.layers):
                neurons, width = layer(n), source.size_out
                weights = normal(n, width, fan_in=width)
                nengo.Connection(source, neurons, transform=weights, synapse=None)
                for _ in range(0 if number else self.n_delayed):
                    steps = rng.integers(self.max_delay + 1, size=n)
                    nengo.Connection(
                        source,
                        neurons,
                        transform=normal(n, width, fan_in=width),
                        synapse=Delay(steps, max_steps=self.max_delay),
                    )
                if self.recurrent:
                    weights = normal(n, n, fan_in=n, scale=RECURRENT_SCALE)
                    nengo.Connection(neurons, neurons, transform=weights, synapse=0)
                source = neurons
            classes = nengo.Node(size_in=samples.n_classes, label="classes")
            width = source.size_out
            weights = normal(
                samples.n_classes, width, fan_in=width, scale=READOUT_SCALE
            )
            nengo.Connection(source, classes, transform=weights, synapse=None)
            net.probe = nengo.Probe(classes, synapse=self.tau_out * DT)
        return net

    def score(self, task: str, samples: Samples, seed: int) -> Score:
        """Train the network, test it, and measure what it takes.

        Parameters
        ----------
        task : str
            What the samples are called in the score.
        samples : Samples
            What to learn from and to be tested on.
        seed : int
            Seed of weights and of the order of the samples.

        Returns
        -------
        score : Score
            How well it did.
        """
        # Whoever wants but the command line need not wait for TensorFlow.
        import keras

        from nengo_dl_core import Simulator, measure

        start = perf_counter()
        keras.utils.set_random_seed(seed)
        n_updates = len(samples.train_x) // self.minibatch_size
        n = n_updates * self.minibatch_size
        if not n:
            raise ValueError(
                f"{task} has {len(samples.train_x)} samples to learn from, fewer than "
                f"a minibatch of {self.minibatch_size}"
            )
        # What does not fill a minibatch is left out.
        order = np.random.default_rng(seed).permutation(len(samples.train_x))[:n]
        net = self.network(samples, seed)
        with Simulator(
            net,
            dt=DT,
            minibatch_size=self.minibatch_size,
            seed=seed,
            progress_bar=False,
        ) as sim:
            rate = keras.optimizers.schedules.CosineDecay(
                self.learning_rate, self.epochs * n_updates
            )
            sim.compile(
                keras.optimizers.AdamW(rate, weight_decay=self.weight_decay),
                loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            )
            x, y = samples.train_x[order], samples.train_y[order, None, None]
            sim.fit(x, y, epochs=self.epochs, verbose=0)
            seconds = perf_counter() - start
            n_test = len(samples.test_x)
            whole = np.arange(-(-n_test // self.minibatch_size) * self.minibatch_size)
            outputs = sim.predict(samples.test_x[whole % n_test])[net.probe]
            guesses = outputs[:n_test, -1].argmax(-1)
            metrics = measure(sim, samples.test_x[:N_MEASURED])
        return Score(
            task=task,
            network=str(self),
            seed=seed,
            figure="accuracy",
            value=float(np.mean(guesses == samples.test_y)),
            n_steps=samples.n_steps,
            dense_operations=metrics.dense_operations,
            effective_macs=metrics.effective_macs,
            effective_acs=metrics.effective_acs,
            footprint=metrics.footprint,
            seconds=seconds,
        )


def _quantization(bits: int, samples: Samples) -> Any:
    """Make the setting for weights of some bits, and inputs of 8 that fit samples."""
    from nengo_dl_core import Quantization

    if not bits:
        return False
    whole = np.frexp(np.abs(samples.train_x).max())[1]
    return Quantization(bits, input_fraction=int(np.clip(7 - whole, 0, 7)))
