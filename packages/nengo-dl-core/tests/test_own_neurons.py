"""Neurons that a user adds: with state, parameters, and rates to train by."""

from typing import ClassVar

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf

from nengo_dl_core import SimNeuronsBuilder, Simulator, TFNeuronBuilder


class Quadratic(nengo.neurons.NeuronType):
    """Quadratic integrate-and-fire neurons."""

    spiking = True
    state: ClassVar = {"voltage": nengo.dists.Choice([0.0])}
    tau = nengo.params.NumberParam("tau", low=0)

    def __init__(self, tau=0.02, initial_state=None):
        super().__init__(initial_state)
        self.tau = tau

    def rates(self, x, gain, bias):
        drive = np.sqrt(np.maximum(self.current(x, gain, bias) - 1, 0))
        return drive / (self.tau * (np.arctan2(2, drive) + np.arctan2(1, drive)))

    def step(self, dt, J, output, voltage):
        voltage += dt / self.tau * (voltage**2 + J - 1)
        spiked = voltage > 2
        output[...] = spiked / dt
        voltage[spiked] = -1


class QuadraticBuilder(TFNeuronBuilder):
    spiking = True

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.tau = self.constant(signals, lambda neurons: neurons.tau)

    def step(self, J, dt, voltage):
        voltage += dt / self.tau * (voltage**2 + J - 1)
        spiked = voltage > 2
        output = tf.where(spiked, tf.cast(1 / dt, J.dtype), 0)
        return output, tf.where(spiked, tf.cast(-1, J.dtype), voltage)

    def training_step(self, J, dt, voltage):
        drive = tf.sqrt(tf.maximum(J - 1, 1e-6))
        angles = tf.atan2(2.0, drive) + tf.atan2(1.0, drive)
        return tf.where(J > 1, drive / (self.tau * angles), 0)


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    known = dict(SimNeuronsBuilder.TF_NEURON_IMPL)
    monkeypatch.setattr(SimNeuronsBuilder, "TF_NEURON_IMPL", known)
    SimNeuronsBuilder.register(Quadratic)(QuadraticBuilder)


def test_they_equal_the_reference():
    with nengo.Network(seed=0) as net:
        wave = nengo.Node(lambda t: np.sin(12 * t))
        for tau in (0.02, 0.03):
            rates = nengo.dists.Uniform(50, 100)
            ens = nengo.Ensemble(50, 1, neuron_type=Quadratic(tau), max_rates=rates)
            nengo.Connection(wave, ens)
            nengo.Probe(ens, synapse=0.03)
    values = []
    for simulator in (nengo.Simulator, Simulator):
        with simulator(net, progress_bar=False) as sim:
            sim.run(0.5)
        values.append([sim.data[probe] for probe in net.all_probes])
    peak = np.abs(values[0]).max()
    assert peak > 0.1
    np.testing.assert_allclose(*values, rtol=0, atol=1e-5 * peak)


def test_they_compile_and_train():
    with nengo.Network(seed=0) as net:
        node = nengo.Node([0.0])
        ens = nengo.Ensemble(50, 1, neuron_type=Quadratic(), max_rates=[80.0] * 50)
        nengo.Connection(node, ens, synapse=None)
        nengo.Probe(ens)
    with Simulator(net, minibatch_size=4, progress_bar=False) as sim:
        assert sim.diagnose().compiled
        sim.compile(optimizer=keras.optimizers.Adam(0.05), loss="mse")
        x = np.linspace(-1, 1, 8).reshape((8, 1, 1))
        losses = sim.fit(x, -x, epochs=30, verbose=0).history["loss"]
        assert losses[-1] < losses[0] / 2
