r"""
From Nengo
==========

You know Nengo. Here is what changes when a network runs on TensorFlow: one word. And
here is what becomes possible: many inputs at a time, and training.

The network computes :math:`\sin(x^2)`, in two steps: one ensemble squares its input,
the next one takes the sine.
"""

import keras
import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_dl

with nengo.Network(seed=0) as net:
    stimulus = nengo.Node(lambda t: 2 * t - 1, label="x")
    squares = nengo.Ensemble(50, 1)
    sines = nengo.Ensemble(50, 1)
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
# Nengo has chosen the decoders of each ensemble for itself. Training changes decoders,
# encoders and biases together, to make the output of the whole better. Spiking neurons
# are trained by their rates, for which one step is enough: the data has one step, and
# no synapse is to stand between it and the output.

rng = np.random.default_rng(0)
train_x = rng.uniform(-1, 1, (1024, 1, 1))
train_y = target(train_x)

with net:
    rates = nengo.Probe(output)  # without synapse
    # neurons in the middle of a chain see their input in the same step
    for connection in net.all_connections:
        connection.synapse = None


def error(sim):
    """Root mean square error of the spiking network, over the second half of a run."""
    test_x = np.tile(np.linspace(-1, 1, 32)[:, None, None], (1, 400, 1))
    outputs = sim.predict({stimulus: test_x}, verbose=0)[probe]
    return np.sqrt(np.mean((outputs[:, 200:] - target(test_x[:, 200:])) ** 2))


with nengo_dl.Simulator(net, minibatch_size=32, progress_bar=False) as sim:
    print(f"error before training: {error(sim):.4f}")
    sim.compile(optimizer=keras.optimizers.Adam(1e-3), loss={rates: "mse"})
    history = sim.fit(
        {stimulus: train_x}, {rates: train_y}, epochs=20, verbose=0
    ).history
    print(f"error after training:  {error(sim):.4f}")
    sim.freeze_params(net)

figure, axes = plt.subplots()
axes.semilogy(history["loss"])
axes.set(xlabel="epoch", ylabel="mean squared error")

# %%
# The last line has stored what was learned in the network itself: it now runs,
# improved, in any Nengo simulator.

with nengo.Simulator(net, progress_bar=False) as reference:
    reference.run(1.0)
error_there = np.sqrt(np.mean((reference.data[probe][:, 0] - target(x)) ** 2))
print(f"in nengo.Simulator: {error_there:.4f}")

plt.show()
