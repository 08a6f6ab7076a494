"""
Energy and quantization
=======================

What would a network take on a neuromorphic chip? That depends on how many spikes it
has, on the operations that they cause, and on how many bits its numbers have. Here a
spiking network learns to read digits. Its operations are counted, then it is trained to
spike less, and at last to get along with few bits.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import matplotlib.pyplot as plt
import nengo
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import nengo_dl
import nengo_dl_core

N_STEPS = 8

pixels, digits = load_digits(return_X_y=True)
images = np.tile(pixels[:, None] / 16, (1, N_STEPS, 1))
labels = np.tile(digits[:, None, None], (1, N_STEPS, 1))
train_x, test_x, train_y, test_y = train_test_split(
    images, labels, test_size=400, random_state=0
)


def build_network(bits=False):
    """Two layers of LIF neurons, connected by weights alone."""
    rng = np.random.default_rng(0)
    with nengo.Network(seed=0) as net:
        nengo_dl.configure_settings(
            quantization=bits, spike_gradient="arctan", stateful=False, dtype="float64"
        )
        x = nengo.Node(np.zeros(64), label="image")
        net.hidden = []
        for label, size in ("first", 128), ("second", 64):
            layer = nengo.Ensemble(
                size,
                1,
                neuron_type=nengo.LIF(tau_rc=0.005, tau_ref=0, amplitude=0.001),
                gain=nengo.dists.Choice([1]),
                bias=nengo.dists.Choice([0.5]),
                label=label,
            )
            weights = rng.normal(size=(size, x.size_out)) * np.sqrt(2 / x.size_out)
            nengo.Connection(x, layer.neurons, transform=weights, synapse=None)
            x = layer.neurons
            net.hidden.append(nengo.Probe(x))
        digit = nengo.Node(size_in=10, label="digit")
        weights = rng.normal(size=(10, 64)) / 8
        nengo.Connection(x, digit, transform=weights, synapse=None)
        net.scores = nengo.Probe(digit)
    return net


def simulator(net):
    return nengo_dl.Simulator(net, minibatch_size=50, seed=0, progress_bar=False)


def cross_entropy(labels, scores):
    """The loss of the mean over all steps, which is the answer."""
    return keras.losses.sparse_categorical_crossentropy(
        labels[:, 0], keras.ops.mean(scores, axis=1), from_logits=True
    )


def train(sim, net, regularization=0):
    """Train a network, and have its neurons spike less if asked for."""
    losses, weights = {net.scores: cross_entropy}, {net.scores: 1}
    targets = {net.scores: train_y}
    for probe in net.hidden if regularization else ():
        losses[probe] = nengo_dl.losses.Regularize(order=1)
        weights[probe] = regularization
        targets[probe] = np.zeros((len(train_x), N_STEPS, probe.size_in))  # not used
    sim.compile(keras.optimizers.Adam(0.003), loss=losses, loss_weights=weights)
    sim.fit(train_x, targets, epochs=12, verbose=0)


def accuracy(sim, net):
    """The share of test images that are told right."""
    scores = sim.predict(test_x, verbose=0)[net.scores].mean(axis=1)
    return np.mean(scores.argmax(axis=-1) == test_y[:, 0, 0])


# %%
# Count operations
# ----------------
# ``measure`` runs the network on data, here on a hundred of the images that it has not
# learned from. An accumulation (AC) is what a spike costs for each weight that it
# meets; a multiplication and accumulation (MAC) is for inputs that are values.

net = build_network()
with simulator(net) as sim:
    train(sim, net)
    print(f"accuracy: {accuracy(sim, net):.1%}\n")
    metrics = nengo_dl_core.measure(sim, test_x[:100])
print(metrics)

# %%
# The energy is that of the counted operations, by published figures for each device
# (``nengo_dl_core.DEVICES``). Idle power, memory and communication are left out: the
# figures tell which of two networks takes less on a device, not what a meter shows.
#
# Spike less
# ----------
# ``nengo_dl.losses.Regularize`` is a second loss, of what the neurons put out: here the
# sum of their values in a step, which is how many of them spike.

measured = {"as trained": metrics}
sparse = build_network()
with simulator(sparse) as sim:
    train(sim, sparse, regularization=0.03)
    print(f"accuracy: {accuracy(sim, sparse):.1%}")
    measured["spikes less"] = nengo_dl_core.measure(sim, test_x[:100])
    folder = TemporaryDirectory()
    parameters = Path(folder.name) / "parameters"
    sim.save_params(parameters)

loihi = nengo_dl_core.DEVICES["Loihi"]
figure, axes = plt.subplots(layout="constrained")
for i, (name, found) in enumerate(measured.items()):
    effective = [x.effective_operations / found.n_samples for x in found.connections]
    axes.bar(np.arange(3) + 0.4 * i, effective, 0.4, label=name)
    microjoules = 1e6 * found.energy(loihi)
    print(f"{name:12} {found.effective_acs:6.0f} ACs, {microjoules:.2f} µJ on Loihi")
axes.set(ylabel="effective operations for an image")
axes.set_xticks(np.arange(3) + 0.2, [x.name for x in metrics.connections])
axes.legend()

# %%
# Now most operations are those of the first layer, whose inputs are pixels and no
# spikes, so that the energy falls by less than the number of spikes.
#
# Few bits
# --------
# Chips compute with integers. With ``configure_settings(quantization=4)`` weights have
# four bits, and inputs, currents and voltages are fixed-point numbers. What was trained
# in full precision is rounded when it is loaded into such a network. If the network is
# trained on with few bits, it makes up for the rounding: gradients pass it as if it
# were not there.

accuracies = {"rounded": [], "trained on": []}
bits = (8, 4, 2)
for n_bits in bits:
    net = build_network(n_bits)
    with simulator(net) as sim:
        sim.load_params(parameters)
        accuracies["rounded"].append(accuracy(sim, net))
        train(sim, net, regularization=0.03)
        accuracies["trained on"].append(accuracy(sim, net))
        sim.freeze_params(net)
    print(n_bits, "bits:", *(f"{values[-1]:6.1%}" for values in accuracies.values()))
folder.cleanup()

figure, axes = plt.subplots(layout="constrained")
for name, values in accuracies.items():
    axes.plot(bits, values, "o-", label=name)
axes.set(xlabel="bits of weights", ylabel="accuracy", ylim=(0.8, 1), xticks=bits)
axes.legend()

# %%
# Those that were trained on have been trained for twice as long, which is a part of
# what they gain.
#
# The integers
# ------------
# ``freeze_params`` has stored the trained weights in the last network, which has two
# bits, before rounding. ``quantize_model`` rounds them as a simulation does, for what
# reads a network to write it down. With two bits a neuron has three different weights:
# a power of two, its negative and zero. Which power it is may differ between neurons.

model = nengo.builder.Model()
model.build(net)
nengo_dl_core.quantize_model(model)
weights = model.params[net.all_connections[0]].weights
print("into one neuron:", np.unique(weights[0]))
print("into all of them:", np.unique(weights))

# %%
# What comes out is what an executor of integers computes, to the bit;
# :doc:`/guide/training` says under which conditions, and :doc:`/guide/operations` what
# is counted and how.

plt.show()
