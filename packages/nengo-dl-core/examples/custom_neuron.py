"""Add a neuron type: its equations once for NumPy and once for TensorFlow.

Without the second part the neurons would run too, but in Python, step by step.

Run it with ``python custom_neuron.py``; it needs nengo-dl-core alone. It prints how far
a sine wave that the neurons represent is from the true one, in both simulators.
"""

import argparse
import math

import nengo
import numpy as np
import tensorflow as tf
from nengo.dists import Choice

import nengo_dl_core
from nengo_dl_core import SimNeuronsBuilder, TFNeuronBuilder


class QuadraticIntegrateAndFire(nengo.neurons.NeuronType):
    """Neurons whose voltage grows with its square, and with the current above one.

    ``tau * dv/dt = v**2 + J - 1``, reset to -1 where it passes ``peak``.

    Parameters
    ----------
    tau : float
        Time constant, in seconds.
    peak : float
        Voltage at which a neuron spikes.
    """

    spiking = True
    state = {"voltage": Choice([0.0])}

    def __init__(self, tau=0.02, peak=2.0, initial_state=None):
        super().__init__(initial_state)
        self.tau = tau
        self.peak = peak

    def rates(self, x, gain, bias):
        """Rates of a neuron that rests between spikes only where J is below one."""
        drive = np.sqrt(np.maximum(self.current(x, gain, bias) - 1, 0))
        angles = np.arctan2(self.peak, drive) + np.arctan2(1, drive)
        return drive / (self.tau * angles)

    def step(self, dt, J, output, voltage):
        """Advance by one step, with NumPy, in place."""
        voltage += dt / self.tau * (voltage**2 + J - 1)
        spiked = voltage > self.peak
        output[...] = spiked / dt
        voltage[spiked] = -1


@SimNeuronsBuilder.register(QuadraticIntegrateAndFire)
class QuadraticIntegrateAndFireBuilder(TFNeuronBuilder):
    """The same with TensorFlow, for all neurons of all ensembles at once."""

    spiking = True

    def build_pre(self, signals, config):
        """Collect the parameters, which may differ from ensemble to ensemble."""
        super().build_pre(signals, config)
        self.tau = self.constant(signals, lambda neurons: neurons.tau)
        self.peak = self.constant(signals, lambda neurons: neurons.peak)

    def step(self, J, dt, voltage):
        """Advance by one step; return the output and the new voltage."""
        voltage += dt / self.tau * (voltage**2 + J - 1)
        spiked = voltage > self.peak
        output = tf.where(spiked, tf.cast(1 / dt, J.dtype), 0)
        return output, tf.where(spiked, tf.cast(-1, J.dtype), voltage)

    def training_step(self, J, dt, voltage):
        """The rates, whose derivative tells training which way to go."""
        drive = tf.sqrt(tf.maximum(J - 1, 1e-6))
        angles = tf.atan2(self.peak, drive) + tf.atan2(tf.ones_like(J), drive)
        return tf.where(J > 1, drive / (self.tau * angles), 0)


def main():
    """Represent a sine wave, here and in the reference simulator."""
    with nengo.Network(seed=0) as net:
        wave = nengo.Node(lambda t: np.sin(2 * math.pi * t))
        ens = nengo.Ensemble(
            200,
            1,
            neuron_type=QuadraticIntegrateAndFire(),
            max_rates=nengo.dists.Uniform(50, 100),
        )
        nengo.Connection(wave, ens)
        probe = nengo.Probe(ens, synapse=0.03)
    values = []
    for simulator in (nengo.Simulator, nengo_dl_core.Simulator):
        with simulator(net, progress_bar=False) as sim:
            sim.run(1.0)
        values.append(sim.data[probe])
        ideal = probe.synapse.filt(np.sin(2 * math.pi * sim.trange()[:, None]))
        error = np.sqrt(np.mean((values[-1] - ideal) ** 2))
        print(f"{simulator.__module__.split('.')[0]:14} error {error:.4f}")
    return values


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    main()
