"""Training by several processes, any of which may be killed and come back.

Without the variable TF_CONFIG one process trains; with it as many as it lists, each of
them started with its own index. They end with the same weights.
"""

import argparse
import os

import keras
import nengo
import numpy as np
import tensorflow as tf

import nengo_dl_core


class SharedBackup(keras.callbacks.Callback):
    """A backup that the first worker writes and all workers read.

    All of them have to save, since TensorFlow collects variables for it; what the
    others write is not used.
    """

    def __init__(self, folder, index):
        super().__init__()
        self.read = self.written = keras.callbacks.BackupAndRestore(folder)
        if index > 0:
            self.written = keras.callbacks.BackupAndRestore(f"{folder}-{index}")

    def set_model(self, model):
        """Tell both backups which model they save."""
        super().set_model(model)
        self.read.set_model(model)
        self.written.set_model(model)

    def on_train_begin(self, logs=None):
        """Go on from where the first worker was."""
        self.read.on_train_begin(logs)

    def on_epoch_end(self, epoch, logs=None):
        """Save what has been trained."""
        self.written.on_epoch_end(epoch, logs)

    def on_train_end(self, logs=None):
        """Delete the backup."""
        self.written.on_train_end(logs)


def make_network():
    """Make a network that is to learn a square."""
    with nengo.Network(seed=0) as net:
        nengo_dl_core.configure_settings(dtype="float64")
        stimulus = nengo.Node(np.zeros(1))
        hidden = nengo.Ensemble(50, 1, neuron_type=nengo.LIF())
        output = nengo.Node(size_in=1)
        nengo.Connection(stimulus, hidden, synapse=None)
        nengo.Connection(hidden, output, synapse=0.01)
        nengo.Probe(output, label="output")
    return net


def main(epochs=4, backup=None, save=None, n_samples=160, batch=16):
    """Train alone, or as one of several workers."""
    # First of all: it waits for the other workers.
    several = "TF_CONFIG" in os.environ
    strategy = (
        tf.distribute.MultiWorkerMirroredStrategy()
        if several
        else tf.distribute.get_strategy()
    )
    index = strategy.cluster_resolver.task_id if several else 0
    rng = np.random.default_rng(0)
    x = np.repeat(rng.uniform(-1, 1, size=(n_samples, 1, 1)), 20, axis=1)
    y = x**2
    callbacks = [SharedBackup(backup, index)] if backup else []
    with strategy.scope():
        own = batch // strategy.num_replicas_in_sync  # samples of one worker at a time
        net = make_network()
        with nengo_dl_core.Simulator(
            net, minibatch_size=own, seed=0, progress_bar=False
        ) as sim:
            sim.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
            sim.fit(x, y, epochs=epochs, callbacks=callbacks, shuffle=False, verbose=2)
            predicted = sim.predict(x)[net.all_probes[0]]
            print(f"worker {index}: mean squared error {np.mean((predicted - y) ** 2)}")
            if save and index == 0:
                sim.save_params(save)
    return predicted


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--backup", help="folder that all workers see")
    parser.add_argument("--save", help="file for the parameters in the end")
    main(**vars(parser.parse_args()))
