"""Spiking networks that tell sequences apart, and their training."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import nengo
import numpy as np
import numpy.typing as npt

from nengo_dl_benchmarks.accuracy.data import Samples
from nengo_dl_benchmarks.accuracy.scores import Score

DT = 0.001
GAIN = 2.0  # of the neurons: at 1, their highest rates would be infinite
N_MEASURED = 100  # samples in which operations are counted


@dataclass(frozen=True)
class Classifier:
    """A spiking network, and how it is trained.

    Layers of LIF neurons without refractory period follow each other, and a linear
    readout with a filter, whose value in the last step tells the class. Weights and
    biases are trained in spikes, with the derivative of a fast sigmoid in place of
    that of a spike, by Adam with a learning rate that falls to zero as a cosine.

    Parameters
    ----------
    layers : tuple of int
        Numbers of neurons.
    recurrent : bool
        Whether the neurons of each layer have connections among each other.
    max_delay : int
        If not 0, the first layer has a second connection from the inputs, with a delay
        of up to so many steps for each neuron, which is learned.
    tau_rc, tau_out : float
        Time constants of the neurons and of the readout, in steps.
    scale : float
        Standard deviation of the first weights of the inputs, times the root of their
        number; the gain of the neurons comes to it.
    epochs, minibatch_size, learning_rate
        As in Keras.
    """

    layers: tuple[int, ...]
    recurrent: bool = False
    max_delay: int = 0
    tau_rc: float = 5
    tau_out: float = 20
    scale: float = 3
    epochs: int = 20
    minibatch_size: int = 50
    learning_rate: float = 0.01

    def __str__(self) -> str:
        words = ["–".join(map(str, self.layers))]
        words += ["recurrent"] * self.recurrent
        words += ["learned delays"] * bool(self.max_delay)
        return ", ".join(words)

    def network(self, size: int, n_classes: int, seed: int) -> nengo.Network:
        """Build the network.

        Parameters
        ----------
        size, n_classes : int
            Sizes of input and output.
        seed : int
            Seed of the first weights.

        Returns
        -------
        net : nengo.Network
            The input Node is ``net.x``, the Probe ``net.probe``.
        """
        from nengo_dl_core import Delay, configure_settings

        rng = np.random.default_rng(seed)

        def normal(*shape: int, scale: float) -> npt.NDArray[np.float64]:
            return rng.normal(0, scale / np.sqrt(shape[1]), shape)

        with nengo.Network(seed=seed) as net:
            configure_settings(
                trainable=True, spike_gradient="fast_sigmoid", keep_history=False
            )
            net.x = nengo.Node(np.zeros(size), label="input")
            source, width = net.x, size
            for number, n in enumerate(self.layers):
                ensemble = nengo.Ensemble(
                    n,
                    1,
                    neuron_type=nengo.LIF(
                        tau_rc=self.tau_rc * DT, tau_ref=0, amplitude=DT
                    ),
                    gain=np.full(n, GAIN),
                    bias=np.zeros(n),
                    label=f"layer {number}",
                )
                neurons = ensemble.neurons
                weights = normal(n, width, scale=self.scale)
                nengo.Connection(source, neurons, transform=weights, synapse=None)
                if number == 0 and self.max_delay:
                    steps = rng.integers(self.max_delay + 1, size=n)
                    nengo.Connection(
                        source,
                        neurons,
                        transform=normal(n, width, scale=self.scale),
                        synapse=Delay(steps, max_steps=self.max_delay),
                    )
                if self.recurrent:
                    nengo.Connection(
                        neurons,
                        neurons,
                        transform=normal(n, n, scale=0.5),
                        synapse=0,
                    )
                source, width = neurons, n
            classes = nengo.Node(size_in=n_classes, label="classes")
            nengo.Connection(
                source,
                classes,
                transform=normal(n_classes, width, scale=1),
                synapse=self.tau_out * DT,
            )
            net.probe = nengo.Probe(classes)
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
        net = self.network(samples.size, samples.n_classes, seed)
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
                keras.optimizers.Adam(rate),
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
            seconds=seconds,
        )
