"""
A Legendre memory unit
======================

A Legendre memory unit (Voelker, Kajić and Eliasmith, NeurIPS 2019) keeps the last
moments of its input in mind, as a few numbers: the coefficients of Legendre
polynomials. Its memory is linear and need not be trained. Here it reads handwritten
digits one pixel at a time, in an order that says nothing about the picture, and has to
tell the digit after the last one. That needs all pixels, the first as well as the last.

The same task with MNIST's larger digits, "permuted sequential MNIST", is a common test
of recurrent networks.
"""

import keras
import matplotlib.pyplot as plt
import nengo
import numpy as np
from scipy.linalg import expm
from scipy.special import eval_sh_legendre
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import nengo_dl

N_STEPS = 64  # pixels, one in each step

keras.utils.set_random_seed(0)
pixels, digits = load_digits(return_X_y=True)
order = np.random.default_rng(0).permutation(N_STEPS)
sequences = pixels[:, order, None] / 16  # (examples, steps, 1)
train_x, test_x, train_y, test_y = train_test_split(
    sequences, digits[:, None, None], test_size=400, random_state=0
)

figure, axes = plt.subplots(1, 2, layout="constrained", width_ratios=(1, 3))
axes[0].imshow(pixels[0].reshape(8, 8), cmap="gray_r")
axes[0].set(title="a digit", xticks=[], yticks=[])
axes[1].step(np.arange(N_STEPS), sequences[0], where="mid")
axes[1].set(title="what the network sees", xlabel="step")

# %%
# The memory
# ----------
# The memory is a vector :math:`m` with :math:`\theta \, dm/dt = A m + B u`, where
# :math:`u` is the input, :math:`\theta` the length of the window that it remembers, and
# :math:`A` and :math:`B` are those of the paper's equation 3. Between two steps the
# input is held constant, which the matrix exponential accounts for exactly.


def legendre_matrices(window, size):
    """The memory's matrices for one step, for a window of some steps."""
    i, j = np.mgrid[:size, :size]
    a = np.where(i < j, -1.0, (-1.0) ** (i - j + 1)) * (2 * i + 1)
    b = ((2 * np.arange(size) + 1) * (-1.0) ** np.arange(size))[:, None]
    both = np.zeros((size + 1, size + 1))
    both[:size] = np.hstack([a, b]) / window
    held = expm(both)
    return held[:size, :size], held[:size, size:]


# %%
# In Nengo it is a Node with a connection to itself. ``synapse=0`` means that the
# connection back takes one step. A layer of rectified linear neurons reads the memory,
# and a Keras layer reads the neurons.


def build_network(memory_size, n_neurons=100):
    """A memory of the input, and neurons that read it."""
    with nengo.Network(seed=0) as net:
        nengo_dl.configure_settings(trainable=True, keep_history=False)
        net.pixel = nengo.Node([0.0])
        a, b = legendre_matrices(N_STEPS, memory_size)
        memory = nengo.Node(size_in=memory_size)
        back = nengo.Connection(memory, memory, transform=a, synapse=0)
        into = nengo.Connection(net.pixel, memory, transform=b, synapse=None)
        nengo_dl.configure_settings(trainable=None)
        for connection in (back, into):
            net.config[connection].trainable = False
        hidden = nengo_dl.Layer(keras.layers.Dense(n_neurons))(memory)
        hidden = nengo_dl.Layer(nengo.RectifiedLinear())(hidden)
        scores = nengo_dl.Layer(keras.layers.Dense(10))(hidden)
        net.memory = nengo.Probe(memory)
        net.scores = nengo.Probe(scores)
    return net


# %%
# What does a memory of a certain size still know after the last step? The polynomials,
# weighted with the memory's numbers, give the window back: all of it if there are as
# many numbers as steps, and what is smooth in it if there are fewer. An order of pixels
# that is random is not smooth, so much is lost here.

figure, axes = plt.subplots(layout="constrained")
axes.step(np.arange(N_STEPS), test_x[0], where="mid", color="black", label="input")
ago = (N_STEPS - 0.5 - np.arange(N_STEPS)) / N_STEPS  # 0 is now, 1 the window's begin
for memory_size in (8, 32):
    net = build_network(memory_size)
    with nengo_dl.Simulator(net, progress_bar=False) as sim:
        sim.run_steps(N_STEPS, data={net.pixel: test_x[:1]})
        memory = sim.data[net.memory].reshape(memory_size)
    polynomials = eval_sh_legendre(np.arange(memory_size)[:, None], ago)
    axes.plot(memory @ polynomials, label=f"memory of {memory_size} numbers")
axes.set(xlabel="step")
axes.legend()

# %%
# Train it
# --------
# Only what reads the memory is trained. The loss asks for the digit after the last step
# alone: the targets have one step where the inputs have 64. Because the recurrence is
# linear, training does not go through the steps one by one: the memory is computed for
# all of them at once (:doc:`/guide/training`).

loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
sizes = (4, 16, 32, 64)
correct = []
for memory_size in sizes:
    net = build_network(memory_size)
    with nengo_dl.Simulator(net, minibatch_size=100, seed=0, progress_bar=False) as sim:
        sim.compile(keras.optimizers.Adam(0.003), loss={net.scores: loss})
        sim.fit(train_x, {net.scores: train_y}, epochs=30, verbose=0)
        scores = sim.predict(test_x, verbose=0)[net.scores][:, -1]
    correct.append(np.mean(scores.argmax(axis=-1) == test_y[:, 0, 0]))
    print(f"memory of {memory_size:2} numbers: {correct[-1]:.1%} of the digits")

figure, axes = plt.subplots(layout="constrained")
axes.plot(sizes, correct, "o-")
axes.set(xlabel="size of the memory", ylabel="accuracy", ylim=(0, 1.02))

# %%
# A memory of four numbers knows little of 64 pixels. One of 32 numbers, which forgets
# half of what there is to remember, comes close to one that keeps all.

plt.show()
