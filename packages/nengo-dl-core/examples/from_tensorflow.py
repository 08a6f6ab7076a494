"""A tour for users of TensorFlow: the same network in four ways, and in spikes.

A network of one hidden layer learns to read handwritten digits: as a Keras model; as
this model within a Nengo network; as Keras layers, one by one; and of Nengo's own
neurons and connections. What these have learned as rectified linear units is loaded
into a network of spiking neurons with a synapse, to which each digit is shown for a
while.

Run it with ``python from_tensorflow.py``; beside nengo-dl-core it needs scikit-learn.
It prints how many digits each network reads right.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import nengo
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

import nengo_dl

N_HIDDEN, SEED = 64, 0


def keras_model():
    """Make the model that a user of Keras would."""
    image = tf.keras.Input((64,))
    hidden = tf.keras.layers.Dense(N_HIDDEN, activation=tf.nn.relu)(image)
    return tf.keras.Model(image, tf.keras.layers.Dense(10)(hidden))


def whole(model):
    """Put a Keras model into a network, as a Node."""
    with nengo.Network(seed=SEED) as net:
        image = nengo.Node(np.zeros(64))
        scores = nengo_dl.Layer(model)(image)
        net.scores = nengo.Probe(scores, label="scores")
    return net


def layers():
    """Put Keras layers into a network, each of which begins with weights of its own."""
    with nengo.Network(seed=SEED) as net:
        image = nengo.Node(np.zeros(64))
        dense = tf.keras.layers.Dense(N_HIDDEN, activation=tf.nn.relu)
        hidden = nengo_dl.Layer(dense)(image)
        scores = nengo_dl.Layer(tf.keras.layers.Dense(10))(hidden)
        net.scores = nengo.Probe(scores, label="scores")
    return net


def objects(neuron_type, rate=1, synapse=None):
    """Make a network of ensembles and connections.

    Neurons fire at ``rate`` times the value that they stand for. The network says so:
    what is learned at one rate can be loaded at another.
    """
    with nengo.Network(seed=SEED) as net:
        nengo_dl.configure_settings(firing_rate_scale=None, stateful=False)
        net.config[nengo.Connection].transform = nengo_dl.dists.Glorot()
        net.config[nengo.Connection].synapse = None
        image = nengo.Node(np.zeros(64))
        hidden = nengo.Ensemble(
            N_HIDDEN,
            1,
            gain=np.full(N_HIDDEN, rate),
            bias=np.zeros(N_HIDDEN),
            neuron_type=neuron_type,
        )
        net.config[hidden].firing_rate_scale = rate
        scores = nengo.Node(size_in=10)
        nengo.Connection(image, hidden.neurons)
        nengo.Connection(hidden.neurons, scores, synapse=synapse)
        net.scores = nengo.Probe(scores, label="scores")
    return net


def main(n_test=300, epochs=20, n_steps=60):
    """Train each network, and return the shares of digits that are read right."""
    tf.keras.utils.set_random_seed(SEED)
    images, labels = load_digits(return_X_y=True)
    images = images / 16
    train, test = slice(None, -n_test), slice(-n_test, None)
    loss = tf.losses.SparseCategoricalCrossentropy(from_logits=True)
    right = {}

    model = keras_model()
    model.compile(tf.optimizers.Adam(0.003), loss=loss, metrics=["accuracy"])
    model.fit(images[train], labels[train], epochs=epochs, verbose=0)
    right["Keras model"] = model.evaluate(images[test], labels[test], verbose=0)[1]

    # Nengo's data has an axis for time: examples, steps, size
    x, y = images[:, None], labels[:, None, None]
    options = {"minibatch_size": 32, "seed": SEED, "progress_bar": False}

    def share_right(sim):
        sim.compile(loss=loss, metrics=["accuracy"])
        return sim.evaluate(x[test], y[test], verbose=0)["scores_accuracy"]

    with nengo_dl.Simulator(whole(model), **options) as sim:
        right["model in a Node"] = share_right(sim)

    rates = objects(nengo.RectifiedLinear())
    with TemporaryDirectory() as folder:
        parameters = Path(folder) / "parameters"
        for name, net in ("layers", layers()), ("Nengo's neurons", rates):
            with nengo_dl.Simulator(net, **options) as sim:
                sim.compile(tf.optimizers.Adam(0.003), loss={net.scores: loss})
                sim.fit(x[train], {net.scores: y[train]}, epochs=epochs, verbose=0)
                right[name] = share_right(sim)
                sim.save_params(parameters)
        rate = 100  # Hz, for the value 1
        spiking = nengo.SpikingRectifiedLinear(amplitude=1 / rate)
        net = objects(spiking, rate, synapse=0.02)
        with nengo_dl.Simulator(net, **options) as sim:
            sim.load_params(parameters)
            shown = np.tile(x[test], (1, n_steps, 1))
            scores = sim.predict(shown, verbose=0)[net.scores][:, -1]
            right["spiking neurons"] = np.mean(scores.argmax(axis=-1) == labels[test])
    for name, share in right.items():
        print(f"{name:16}{share:.1%} right")
    return right


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--images", type=int, default=300, help="number of images to test with"
    )
    parser.add_argument(
        "--epochs", type=int, default=20, help="number of training epochs"
    )
    parser.add_argument(
        "--steps", type=int, default=60, help="number of steps of 1 ms, in spikes"
    )
    arguments = parser.parse_args()
    main(arguments.images, arguments.epochs, arguments.steps)
