"""Retrieve symbols: train a network to unbind what is bound in a vector.

A vector holds pairs of a role and a filler: the sum of each role bound to its filler. A
network of few rectified linear neurons is asked for the filler of a role. As Nengo
solves for its decoders, each connection by itself, a fifth of its answers is wrong.
Trained as a whole it does better, also with symbols that it has never seen.

Run it with ``python spa_retrieval.py``; beside nengo-dl-core it needs nengo-spa. It
prints how many answers are right, before and after training and in a network that loads
what was trained.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import nengo
import nengo_spa as spa
import numpy as np

import nengo_dl


def questions(n_items, n_pairs, dimensions, seed):
    """Draw symbols; bind them in vectors, and ask for one of each.

    Returns vectors, roles and fillers, ``(n_items, 1 step, dimensions)``, and all
    symbols, ``(2 * n_items * n_pairs, dimensions)``.
    """
    rng = np.random.RandomState(seed)
    vocabulary = spa.Vocabulary(dimensions, pointer_gen=rng, max_similarity=1)
    vocabulary.populate(";".join(f"S{i}" for i in range(2 * n_items * n_pairs)))
    symbols = vocabulary.vectors.reshape(n_items, 2, n_pairs, dimensions)
    bound = np.fft.irfft(np.prod(np.fft.rfft(symbols), axis=1), n=dimensions)
    vectors = bound.sum(axis=1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    asked = rng.randint(n_pairs, size=n_items)
    roles, fillers = symbols[np.arange(n_items), :, asked].swapaxes(0, 1)
    data = (x[:, None] for x in (vectors, roles, fillers))
    return *data, vocabulary.vectors


def build_network(dimensions, seed):
    """Unbind with neurons that compute products."""
    with nengo.Network(seed=seed) as net:
        net.config[nengo.Ensemble].neuron_type = nengo.RectifiedLinear()
        net.config[nengo.Ensemble].gain = nengo.dists.Uniform(0.5, 1)
        net.config[nengo.Ensemble].bias = nengo.dists.Uniform(-0.1, 0.1)
        net.config[nengo.Connection].synapse = None
        net.vector = nengo.Node(np.zeros(dimensions), label="vector")
        net.role = nengo.Node(np.zeros(dimensions), label="role")
        unbind = nengo.networks.CircularConvolution(5, dimensions, invert_b=True)
        nengo.Connection(net.vector, unbind.input_a)
        nengo.Connection(net.role, unbind.input_b)
        net.filler = nengo.Probe(unbind.output, label="filler")
    return net


def share_right(sim, net, test):
    """Tell how often the symbol that is most similar to the answer is the right one."""
    vectors, roles, fillers, symbols = test
    answers = sim.predict({net.vector: vectors, net.role: roles}, verbose=0)
    chosen = (answers[net.filler][:, -1] @ symbols.T).argmax(axis=-1)
    return np.mean(chosen == (fillers[:, -1] @ symbols.T).argmax(axis=-1))


def main(dimensions=32, n_pairs=2, n_train=3000, epochs=50):
    """Train, save and load; return the shares of right answers."""
    test = questions(100, n_pairs, dimensions, seed=0)
    vectors, roles, fillers, _ = questions(n_train, n_pairs, dimensions, seed=1)
    options = {"minibatch_size": 50, "progress_bar": False}
    right = {}
    net = build_network(dimensions, seed=0)
    with TemporaryDirectory() as folder:
        with nengo_dl.Simulator(net, seed=0, **options) as sim:
            right["as solved"] = share_right(sim, net, test)
            sim.compile(keras.optimizers.RMSprop(0.002), loss={net.filler: "mse"})
            inputs = {net.vector: vectors, net.role: roles}
            sim.fit(inputs, {net.filler: fillers}, epochs=epochs, verbose=0)
            right["trained"] = share_right(sim, net, test)
            sim.save_params(Path(folder) / "retrieval")
        net = build_network(dimensions, seed=None)  # other neurons, until it loads
        with nengo_dl.Simulator(net, **options) as sim:
            sim.load_params(Path(folder) / "retrieval")
            right["loaded"] = share_right(sim, net, test)
    for name, share in right.items():
        print(f"{name:10}{share:.0%} of the answers are right")
    return right


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--dimensions",
        type=int,
        default=32,
        help="size of the vectors that stand for symbols",
    )
    parser.add_argument(
        "--pairs", type=int, default=2, help="number of pairs in a vector"
    )
    parser.add_argument(
        "--epochs", type=int, default=50, help="number of training epochs"
    )
    arguments = parser.parse_args()
    main(arguments.dimensions, arguments.pairs, epochs=arguments.epochs)
