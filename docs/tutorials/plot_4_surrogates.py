"""
Surrogate gradients
===================

Whether a neuron spikes is a step function of its membrane potential, and has no useful
derivative. To train a network in spikes, another function takes its place. This shows
the ones that there are, and one more that is made here.
"""

import matplotlib.pyplot as plt
import nengo
import numpy as np
import tensorflow as tf

import nengo_dl
from nengo_dl_core import surrogates

x = tf.linspace(-2.0, 2.0, 401)
figure, axes = plt.subplots(layout="constrained")
for name in surrogates.__all__:
    surrogate = getattr(surrogates, name)()
    axes.plot(x, surrogate(x), label=str(surrogate))
axes.set(
    xlabel="distance of the potential from the threshold, x",
    ylabel="derivative of a spike",
)
axes.legend(fontsize="small")

# %%
# Choose one
# ----------
# The gradient can be that of the whole network, of neuron types or of an ensemble, and
# any function of the distance will do. Here two layers of neurons learn together to
# fire at other rates, each with another gradient.


def two_sided(x):
    """An exponential on both sides of the threshold."""
    return tf.exp(-3 * tf.abs(x))


with nengo.Network(seed=0) as net:
    nengo_dl.configure_settings(spike_gradient=surrogates.Sigmoid(slope=10))
    net.config[nengo.Ensemble].max_rates = nengo.dists.Uniform(100, 200)
    layers = [nengo.Ensemble(30, 1, seed=1) for _ in range(2)]
    net.config[layers[1]].spike_gradient = two_sided
    probes = [nengo.Probe(layer.neurons, synapse=0.02) for layer in layers]

with nengo_dl.Simulator(net, progress_bar=False) as sim:
    sim.compile("adam", loss="mse")
    target = np.full((1, 50, 30), 40.0)
    targets = dict.fromkeys(probes, target)
    history = sim.fit(y=targets, n_steps=50, epochs=60, verbose=0).history

figure, axes = plt.subplots(layout="constrained")
for label, name in zip(("sigmoid", "two_sided"), ("probe", "probe_1"), strict=True):
    axes.plot(history[f"{name}_loss"], label=label)
axes.set(xlabel="epoch", ylabel="loss")
axes.legend()
