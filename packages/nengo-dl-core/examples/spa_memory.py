"""A memory of bound symbols, asked many questions at once.

The network is given two pairs of a role and a filler, as one vector for the sum of the
bound pairs. It holds the sum in recurrent ensembles, and answers which filler was bound
to a role that it is asked for: ``BLUE * CIRCLE + RED * SQUARE`` and ``SQUARE`` give
``RED``. Every combination of pairs and question is an item of one minibatch.

Run it with ``python spa_memory.py``; beside nengo-dl-core it needs nengo-spa and
matplotlib. It prints how many answers are right, and plots some of them.
"""

import argparse
from itertools import permutations, product
from pathlib import Path

import matplotlib as mpl
import nengo
import nengo_spa as spa
import numpy as np

import nengo_dl

COLORS = ["RED", "BLUE", "GREEN", "YELLOW"]
SHAPES = ["CIRCLE", "SQUARE", "STAR"]
STORE, ASK = 0.3, 0.5  # seconds of presentation, of asking


def build_network(vocabulary, neurons_per_dimension):
    """Store one input, unbind it with the other."""
    dimensions = vocabulary.dimensions
    with spa.Network(seed=0) as net:
        net.facts = nengo.Node(np.zeros(dimensions), label="facts")
        net.question = nengo.Node(np.zeros(dimensions), label="question")
        memory = spa.State(
            vocabulary, feedback=1.0, neurons_per_dimension=neurons_per_dimension
        )
        unbind = spa.Bind(
            vocabulary,
            unbind_right=True,
            neurons_per_dimension=2 * neurons_per_dimension,
        )
        nengo.Connection(net.facts, memory.input, transform=0.3, synapse=None)
        nengo.Connection(memory.output, unbind.input_left)
        nengo.Connection(net.question, unbind.input_right, synapse=None)
        net.answer = nengo.Probe(unbind.output, synapse=0.03)
    return net


def questions(vocabulary):
    """All pairs of facts, and the question for one of them: vectors, and answers."""
    facts, asked, answers = [], [], []
    for (color, other_color), (shape, other_shape) in product(
        permutations(COLORS, 2), permutations(SHAPES, 2)
    ):
        pairs = vocabulary.parse(f"{color} * {shape} + {other_color} * {other_shape}")
        facts.append(pairs.v)
        asked.append(vocabulary[shape].v)
        answers.append(color)
    return np.array(facts), np.array(asked), answers


def presented(vectors, start, stop, n_steps):
    """Show vectors from one time to another, zeros else."""
    steps = np.arange(1, n_steps + 1)[:, None] * 0.001
    shown = (steps > start) & (steps <= stop)
    return vectors[:, None] * shown


def main(dimensions=64, neurons_per_dimension=50, plot="spa-memory.png"):
    """Ask every question, and return the share of right answers."""
    vocabulary = spa.Vocabulary(dimensions, pointer_gen=np.random.RandomState(1))
    vocabulary.populate(";".join(COLORS + SHAPES))
    facts, asked, answers = questions(vocabulary)
    n_steps = round((STORE + ASK) / 0.001)
    network = build_network(vocabulary, neurons_per_dimension)
    with nengo_dl.Simulator(network, minibatch_size=len(answers)) as sim:
        inputs = {
            network.facts: presented(facts, 0, STORE, n_steps),
            network.question: presented(asked, STORE, STORE + ASK, n_steps),
        }
        sim.run_steps(n_steps, data=inputs)
        times, output = sim.trange(), sim.data[network.answer]
    colors = np.array([vocabulary[color].v for color in COLORS])
    similarity = output @ colors.T  # (question, step, color)
    found = similarity[:, -100:].mean(axis=1).argmax(axis=1)
    right = np.mean(
        [COLORS[i] == answer for i, answer in zip(found, answers, strict=True)]
    )
    print(f"{len(answers)} questions about two facts: {right:.0%} answered right")
    _plot(plot, times, similarity, answers)
    return right


def _plot(path, times, similarity, answers):
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(12, 3.5), sharey=True)
    for item, ax in zip((0, len(answers) // 2, len(answers) - 1), axes, strict=True):
        for color, values in zip(COLORS, similarity[item].T, strict=True):
            ax.plot(times, values, color=color.lower(), label=color)
        ax.axvline(STORE, color="gray", linestyle=":")
        ax.set(title=f"right answer: {answers[item]}", xlabel="time (s)")
    axes[0].set_ylabel("similarity of the answer")
    axes[-1].legend()
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


if __name__ == "__main__":
    mpl.use("Agg")
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--dimensions",
        type=int,
        default=64,
        help="size of the vectors that stand for symbols",
    )
    parser.add_argument(
        "--neurons-per-dimension",
        type=int,
        default=50,
        help="neurons of the memory; twice as many unbind",
    )
    parser.add_argument(
        "--plot", type=Path, default=Path("spa-memory.png"), help="file of the plot"
    )
    arguments = parser.parse_args()
    main(arguments.dimensions, arguments.neurons_per_dimension, arguments.plot)
