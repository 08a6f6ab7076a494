"""
Spiking digits through surrogate gradients
==========================================

Whether a neuron spikes is a step function of its membrane potential, and has no useful
derivative. To train a network in spikes, another function takes its place when
gradients are computed, and only there: the network itself spikes. Such a function is
called a surrogate gradient.

This shows the ones that there are, trains a convolutional network of spiking neurons
with one of them, and compares that with training by firing rates. The digits are the
small ones of scikit-learn; MNIST's would take the same code.
"""

import keras
import matplotlib.pyplot as plt
import nengo
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import nengo_dl
from nengo_dl_core import surrogates

# %%
# The surrogates
# --------------
# Each is a function of the distance :math:`x` of the membrane potential from the
# threshold, in units of the threshold. :ref:`The reference <surrogate-gradients>` has
# the formula and the width of each.

x = tf.linspace(-2.0, 2.0, 401)
figure, axes = plt.subplots(2, 4, figsize=(9, 4), sharex=True, layout="constrained")
for name, ax in zip(surrogates.__all__, axes.flat, strict=False):
    ax.plot(x, getattr(surrogates, name)()(x))
    ax.set(title=name, ylim=(-0.1, 1.1))
axes[1, 3].axis("off")
figure.supxlabel("distance of the potential from the threshold, x")
figure.supylabel("derivative of a spike")

# %%
# The network
# -----------
# Two convolutions and a classifier. The neurons between them are leaky
# integrate-and-fire neurons. A picture is shown for ten steps of a millisecond, and the
# answer is the mean of what the classifier says in them.

N_STEPS = 10

pixels, digits = load_digits(return_X_y=True)
images = np.tile(pixels[:, None] / 16, (1, N_STEPS, 1))
labels = np.tile(digits[:, None, None], (1, N_STEPS, 1))
train_x, test_x, train_y, test_y = train_test_split(
    images, labels, test_size=400, random_state=0
)


def build_network(spike_gradient):
    """A convolutional network of spiking neurons."""
    with nengo.Network(seed=0) as net:
        nengo_dl.configure_settings(spike_gradient=spike_gradient, stateful=False)
        net.config[nengo.Ensemble].gain = nengo.dists.Choice([1])
        net.config[nengo.Ensemble].bias = nengo.dists.Choice([0.5])
        # A spike is 1 high if a step is a millisecond.
        lif = nengo.LIF(tau_rc=0.005, tau_ref=0, amplitude=0.001)
        image = nengo.Node(np.zeros(64))
        first = keras.layers.Conv2D(16, 3, kernel_initializer="he_normal")
        x = nengo_dl.Layer(first)(image, shape_in=(8, 8, 1))
        x = nengo_dl.Layer(lif)(x)
        net.spikes = nengo.Probe(x)
        second = keras.layers.Conv2D(32, 3, 2, kernel_initializer="he_normal")
        x = nengo_dl.Layer(second)(x, shape_in=(6, 6, 16))
        x = nengo_dl.Layer(lif)(x)
        x = nengo_dl.Layer(keras.layers.Dense(10))(x)
        net.scores = nengo.Probe(x)
    return net


# %%
# Train it
# --------
# ``spike_gradient`` chooses the surrogate, by its name or as an object with another
# width. Without it, the neurons are trained by the rates at which they would fire with
# a constant input. That needs one step in place of ten, and knows nothing of how few
# spikes there are in ten steps.
#
# Any other function of the distance will do as well: here an exponential on both sides
# of the threshold.


def two_sided(x):
    """A surrogate of our own."""
    return tf.exp(-3 * tf.abs(x))


def cross_entropy(labels, scores):
    """The loss of the mean over all steps."""
    return keras.losses.sparse_categorical_crossentropy(
        labels[:, 0], keras.ops.mean(scores, axis=1), from_logits=True
    )


figure, axes = plt.subplots(layout="constrained")
for label, spike_gradient, n_steps in [
    ("rates", None, 1),
    ("arctan", "arctan", N_STEPS),
    ("arctan, wide", surrogates.ArcTan(alpha=0.5), N_STEPS),
    ("arctan, narrow", surrogates.ArcTan(alpha=20), N_STEPS),
    ("our own", two_sided, N_STEPS),
]:
    keras.utils.set_random_seed(0)
    net = build_network(spike_gradient)
    with nengo_dl.Simulator(net, minibatch_size=50, seed=0, progress_bar=False) as sim:
        sim.compile(keras.optimizers.Adam(0.003), loss={net.scores: cross_entropy})
        targets = {net.scores: train_y[:, :n_steps]}
        sim.fit(train_x[:, :n_steps], targets, epochs=12, verbose=0)
        outputs = sim.predict(test_x, verbose=0)
    means = outputs[net.scores].cumsum(axis=1) / np.arange(1, N_STEPS + 1)[:, None]
    correct = (means.argmax(axis=-1) == test_y[..., 0]).mean(axis=0)
    spikes = (outputs[net.spikes] > 0).sum(axis=1).mean()
    print(f"{label:15} {correct[-1]:.1%} right, {spikes:.2f} spikes of a neuron")
    axes.plot(np.arange(1, N_STEPS + 1), correct, "o-", label=label)
axes.set(xlabel="steps", ylabel="accuracy in spikes", ylim=(0.5, 1))
axes.legend(title="trained with")

# %%
# This is one run of each, and the differences between the better ones are no larger
# than those between two seeds. What was trained by rates is worse, because it counts on
# more spikes than there are in ten steps. The width matters more than the shape: if it
# is too narrow, few neurons are close enough to their threshold to learn.
#
# Parts of a network, types of neurons and single ensembles can have surrogates of their
# own: see :doc:`/guide/training`.

plt.show()
