"""
From Nengo
==========

You know Nengo. Here is what changes when a network runs on TensorFlow: one word. And
here is what becomes possible: many inputs at a time, and training.

The network computes sin(x²), in two steps: one ensemble squares its input, the next one
takes the sine.
"""

import keras
import matplotlib.pyplot as plt
import nengo
import numpy as np
import tensorflow as tf

import nengo_dl

with nengo.Network(seed=0) as net:
    stimulus = nengo.Node(lambda t: 2 * t - 1, label="x")
    squares = nengo.Ensemble(20, 1)
    sines = nengo.Ensemble(20, 1)
    nengo.Connection(stimulus, squares)
    nengo.Connection(squares, sines, function=np.square)
    output = nengo.Node(size_in=1, label="sin x^2")
    nengo.Connection(sines, output, function=np.sin)
    probe = nengo.Probe(output, synapse=0.01)


def target(x):
    """What the network is to compute."""
    return np.sin(x**2)


# %%
# Simulate it
# -----------
# The reference simulator and ours, one after the other:

with nengo.Simulator(net, progress_bar=False) as reference:
    reference.run(1.0)

with nengo_dl.Simulator(net, progress_bar=False) as sim:
    sim.run(1.0)

x = 2 * sim.trange() - 1
figure, axes = plt.subplots()
axes.plot(x, reference.data[probe], label="nengo.Simulator")
axes.plot(x, sim.data[probe], "--", label="nengo_dl.Simulator")
axes.plot(x, target(x), color="black", linewidth=1, label="$\\sin x^2$")
axes.set(xlabel="$x$", ylabel="output")
axes.legend()

# %%
# The two are alike to the precision of 32-bit numbers. (A spike that comes a step
# earlier or later in one of them is such a difference too.)

difference = np.abs(sim.data[probe] - reference.data[probe]).max()
print(f"largest difference: {difference:.1e}")

# %%
# Many inputs at a time
# ---------------------
# ``minibatch_size`` is how many. Their values, of shape ``(minibatch_size, n_steps,
# size)``, take the place of what the Node puts out by itself:

constants = np.linspace(-1, 1, 8)
inputs = np.tile(constants[:, None, None], (1, 300, 1))
with nengo_dl.Simulator(net, minibatch_size=8, progress_bar=False) as sim:
    sim.run_steps(300, data={stimulus: inputs})

figure, axes = plt.subplots()
axes.plot(sim.trange(), sim.data[probe][..., 0].T)
axes.set(xlabel="time in seconds", ylabel="output", title="eight inputs")

# %%
# Train it
# --------
# Nengo has chosen the decoders of each ensemble, and drawn encoders and biases at
# random. Training can choose all of them for what the whole network is to compute; here
# it chooses encoders and biases, and the decoders stay Nengo's.
#
# Spiking neurons are trained by their firing rates. If no synapse stands between input
# and output, a single step then tells all that there is to learn. The error is measured
# in spikes, over the last ten of 100 steps.

with net:
    rates = nengo.Probe(output)
    for connection in net.all_connections:
        connection.synapse = None
    probe.synapse = 0.04
    nengo_dl.configure_settings(trainable=False)  # nothing is trained
    net.config[nengo.Ensemble].trainable = True  # but encoders and biases

rng = np.random.default_rng(0)
train_x = rng.uniform(-1, 1, (4096, 1, 1))
test_x = np.tile(rng.uniform(-1, 1, (256, 1, 1)), (1, 100, 1))


def error(sim):
    """Mean squared error of the spiking network, once it has settled."""
    values = sim.predict({stimulus: test_x}, verbose=0)[probe]
    return np.mean((values - target(test_x))[:, -10:] ** 2)


with nengo_dl.Simulator(net, minibatch_size=32, seed=0, progress_bar=False) as sim:
    print(f"error before training: {error(sim):.4f}")
    sim.compile(optimizer=keras.optimizers.Adam(0.01), loss={rates: "mse"})
    history = sim.fit(
        {stimulus: train_x}, {rates: target(train_x)}, epochs=25, verbose=0
    ).history
    print(f"error after training:  {error(sim):.4f}")
    sim.freeze_params(net)

figure, axes = plt.subplots(layout="constrained")
axes.semilogy(history["loss"])
axes.set(xlabel="epoch", ylabel="mean squared error")

# %%
# The loss, of the rates, ends near 0.0003. Most of the error that remains in spikes is
# their noise: 20 neurons are few. :doc:`/guide/training` tells how to train in spikes.
#
# ``freeze_params`` has stored what was learned in the network itself: it now runs so in
# any Nengo simulator.

with nengo.Simulator(net, progress_bar=False) as reference:
    reference.run(1.0)

figure, axes = plt.subplots()
axes.plot(x, reference.data[probe], label="trained, in nengo.Simulator")
axes.plot(x, target(x), color="black", linewidth=1, label="$\\sin x^2$")
axes.set(xlabel="$x$", ylabel="output")
axes.legend()

# %%
# TensorFlow in the network
# -------------------------
# A Node that has an input calls Python in each step, which keeps a network from being
# compiled. A ``TensorNode`` does the same with TensorFlow, and is compiled and trained
# with the rest. It may be a function, as here, or a Keras layer or model.

with net:
    exponential = nengo_dl.TensorNode(lambda t, x: tf.exp(x), shape_in=(1,))
    nengo.Connection(output, exponential, synapse=0.01)
    exponential_probe = nengo.Probe(exponential)

with nengo_dl.Simulator(net, progress_bar=False) as sim:
    sim.run(1.0)

figure, axes = plt.subplots()
axes.plot(x, sim.data[exponential_probe], label="TensorNode")
axes.plot(x, np.exp(target(x)), color="black", linewidth=1, label="$\\exp \\sin x^2$")
axes.set(xlabel="$x$", ylabel="output")
axes.legend()

plt.show()
