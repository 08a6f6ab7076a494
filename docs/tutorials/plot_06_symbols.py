"""
Symbols: retrieval and memory
=============================

In Nengo's semantic pointer architecture a symbol is a long vector, and a pair of
symbols, a role and its filler, is *bound* in one vector of the same length, by a
circular convolution. The sum of some pairs is a vector too. "A blue circle and a red
square" then is ``BLUE * CIRCLE + RED * SQUARE``, and what is bound to ``SQUARE`` is
found by unbinding it: about ``RED``, and some noise.

Here spiking neurons hold such a sum in mind and answer questions about it; and a
network that unbinds too badly is trained. Vectors and networks come from
`NengoSPA <https://www.nengo.ai/nengo-spa/>`_.
"""

from itertools import permutations, product

import keras
import matplotlib.pyplot as plt
import nengo
import nengo_spa as spa
import numpy as np

import nengo_dl

# %%
# A memory that is asked
# ----------------------
# The memory is a ``spa.State`` with feedback, of spiking neurons. It is shown a sum of
# two pairs for 0.3 s and then has to keep it. From then on it is asked for one of them,
# and ``spa.Bind`` answers.

COLORS = ["RED", "BLUE", "GREEN", "ORANGE"]
SHAPES = ["CIRCLE", "SQUARE", "STAR"]

vocabulary = spa.Vocabulary(64, pointer_gen=np.random.RandomState(1))
vocabulary.populate(";".join(COLORS + SHAPES))

with spa.Network(seed=0) as net:
    facts = nengo.Node(np.zeros(64), label="facts")
    question = nengo.Node(np.zeros(64), label="question")
    memory = spa.State(vocabulary, feedback=1.0)
    unbind = spa.Bind(vocabulary, unbind_right=True, neurons_per_dimension=100)
    nengo.Connection(facts, memory.input, transform=0.3, synapse=None)
    nengo.Connection(memory.output, unbind.input_left)
    nengo.Connection(question, unbind.input_right, synapse=None)
    answer = nengo.Probe(unbind.output, synapse=0.03)
print(net.n_neurons, "neurons")

# %%
# All that can be asked about two pairs are 72 questions. Each is an item of the
# minibatch, so that one run answers all of them.

sums, asked, right = [], [], []
for (color, other_color), (shape, other_shape) in product(
    permutations(COLORS, 2), permutations(SHAPES, 2)
):
    pairs = vocabulary.parse(f"{color} * {shape} + {other_color} * {other_shape}")
    sums.append(pairs.v)
    asked.append(vocabulary[shape].v)
    right.append(color)

steps = np.arange(800)[:, None]  # of a millisecond
inputs = {
    facts: np.array(sums)[:, None] * (steps < 300),
    question: np.array(asked)[:, None] * (steps >= 300),
}
with nengo_dl.Simulator(net, minibatch_size=len(right), progress_bar=False) as sim:
    sim.run_steps(800, data=inputs)
    times, answers = sim.trange(), np.array(sim.data[answer])

vectors = np.array([vocabulary[color].v for color in COLORS])
similarity = answers @ vectors.T  # (question, step, color)
chosen = similarity[:, -100:].mean(axis=1).argmax(axis=1)
share = np.mean([COLORS[i] == color for i, color in zip(chosen, right, strict=True)])
print(f"{share:.0%} of {len(right)} questions answered right")

figure, axes = plt.subplots(1, 3, figsize=(9, 3), sharey=True, layout="constrained")
for item, ax in zip((0, 40, 71), axes, strict=True):
    for color, values in zip(COLORS, similarity[item].T, strict=True):
        ax.plot(times, values, color=color.lower(), label=color)
    ax.axvline(0.3, color="gray", linestyle=":")
    ax.set(title=f"right answer: {right[item]}", xlabel="time (s)")
axes[0].set_ylabel("similarity of the answer")
axes[0].legend(loc="upper left", fontsize="small")

# %%
# Left of the dotted line the network sees the two pairs, right of it the question.
#
# A network that is trained
# -------------------------
# With so few neurons that unbinding is bad, training helps. These are four rectified
# linear neurons for each product, of which the circular convolution has some hundred.

DIMENSIONS, PAIRS = 32, 2

with nengo.Network(seed=0) as few:
    few.config[nengo.Ensemble].neuron_type = nengo.RectifiedLinear()
    few.config[nengo.Ensemble].gain = nengo.dists.Uniform(0.5, 1)
    few.config[nengo.Ensemble].bias = nengo.dists.Uniform(-0.1, 0.1)
    few.config[nengo.Connection].synapse = None
    vector = nengo.Node(np.zeros(DIMENSIONS), label="vector")
    role = nengo.Node(np.zeros(DIMENSIONS), label="role")
    convolution = nengo.networks.CircularConvolution(4, DIMENSIONS, invert_b=True)
    nengo.Connection(vector, convolution.input_a)
    nengo.Connection(role, convolution.input_b)
    filler = nengo.Probe(convolution.output, label="filler")

# %%
# Each question is about symbols of its own, which occur in no other: what is learned
# is to unbind, not the symbols.


def questions(n_questions, seed):
    """Vectors of two pairs, roles and fillers: each (questions, 1 step, size)."""
    rng = np.random.default_rng(seed)
    symbols = rng.normal(size=(2, n_questions, PAIRS, DIMENSIONS))
    symbols /= np.linalg.norm(symbols, axis=-1, keepdims=True)
    bound = np.fft.irfft(np.prod(np.fft.rfft(symbols), axis=0), n=DIMENSIONS)
    sums = bound.sum(axis=1, keepdims=True)
    sums /= np.linalg.norm(sums, axis=-1, keepdims=True)
    roles, fillers = symbols[:, :, :1]
    return sums, roles, fillers


def share_right(answers, fillers):
    """How often the right one of all fillers is the most similar to the answer."""
    similarity = answers[:, 0] @ fillers[:, 0].T
    return np.mean(similarity.argmax(axis=1) == np.arange(len(fillers)))


vectors, roles, fillers = questions(3000, seed=0)
test_vectors, test_roles, test_fillers = questions(400, seed=1)
test_inputs = {vector: test_vectors, role: test_roles}
with nengo_dl.Simulator(few, minibatch_size=50, seed=0, progress_bar=False) as sim:
    solved = sim.predict(test_inputs, verbose=0)[filler]
    sim.compile(keras.optimizers.RMSprop(0.002), loss={filler: "mse"})
    inputs = {vector: vectors, role: roles}
    history = sim.fit(inputs, {filler: fillers}, epochs=40, verbose=0).history
    trained = sim.predict(test_inputs, verbose=0)[filler]

spectrum = np.fft.rfft(test_vectors) * np.fft.rfft(test_roles).conj()
exact = np.fft.irfft(spectrum, n=DIMENSIONS)
for name, answers in [
    ("as Nengo solves for its decoders", solved),
    ("trained", trained),
    ("computed without neurons", exact),
]:
    print(f"{name:34}{share_right(answers, test_fillers):.1%} right")

figure, axes = plt.subplots(layout="constrained")
axes.plot(history["loss"])
axes.set(xlabel="epoch", ylabel="mean squared error")

# %%
# Nengo solves for the decoders of each connection by itself. Training changes encoders,
# decoders and biases for what comes out in the end. The trained network is right even
# more often than the exact computation: unbinding by a circular convolution is only
# about the best way to find what was bound.

plt.show()
