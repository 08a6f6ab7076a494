"""Training on several devices or in several processes, run by test_distributed.py.

Its arguments are "one", "mirrored", or "worker", an index and all workers' ports. It
prints what there is to compare as JSON.
"""

import contextlib
import json
import os
import sys

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf
from nengo.exceptions import SimulationError, ValidationError

from nengo_dl_core import Simulator, configure_settings


def strategy(kind, index=None, *ports):
    if kind == "mirrored":
        (cpu,) = tf.config.list_physical_devices("CPU")
        devices = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, devices)
        return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    if kind == "worker":
        workers = [f"127.0.0.1:{port}" for port in ports]
        task = {"type": "worker", "index": int(index)}
        config = {"cluster": {"worker": workers}, "task": task}
        os.environ["TF_CONFIG"] = json.dumps(config)
        return tf.distribute.MultiWorkerMirroredStrategy()
    return None


def check_random_numbers(scope):
    """Neurons that spike at random do so in each replica as no other one."""
    with nengo.Network(seed=0) as net:
        configure_settings(spike_gradient="rates", trainable=True)
        neurons = nengo.StochasticSpiking(nengo.RectifiedLinear())
        ens = nengo.Ensemble(20, 1, neuron_type=neurons)
        nengo.Connection(nengo.Node([1.0]), ens, synapse=None)
        nengo.Probe(ens.neurons)
    with scope.scope(), Simulator(net, minibatch_size=1, progress_bar=False) as sim:
        layer = sim.tensor_graph

        @tf.function(autograph=False)
        def train():
            (name,) = layer.program.input_names.values()
            inputs = {"n_steps": tf.fill((1, 1), 5), name: tf.ones((1, 5, 1))}
            (output,) = layer(inputs, training=True).values()
            return output

        first, second = scope.experimental_local_results(scope.run(train))
    assert np.any(first)
    assert not np.array_equal(first, second)


def main(kind, *where):
    scope = strategy(kind, *where)
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        node = nengo.Node([0.0])
        ens = nengo.Ensemble(10, 1, neuron_type=nengo.LIF())
        output = nengo.Node(size_in=1)
        nengo.Connection(node, ens, synapse=None)
        nengo.Connection(ens, output, synapse=0.01)
        probe = nengo.Probe(output, label="output")
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(22, 5, 1))
    with contextlib.nullcontext() if scope is None else scope.scope():
        size = 4 if scope is None else 2
        with Simulator(net, seed=0, minibatch_size=size, progress_bar=False) as sim:
            sim.compile(
                keras.optimizers.Adam(1e-3),
                loss={probe: "mse"},
                metrics={probe: "mae"},
            )
            options = {"epochs": 3, "shuffle": False, "verbose": 0}
            history = sim.fit(x[:20], x[:20] ** 2, **options).history
            results = sim.evaluate(x[:20], x[:20] ** 2)
            values = {} if kind == "worker" else sim.predict(x)
            if scope is not None:
                with pytest.raises(SimulationError, match="use predict"):
                    sim.run_steps(1)
                with pytest.raises(ValidationError, match="1 would be left"):
                    sim.evaluate(x[:21], x[:21])
            weights = [
                keras.ops.convert_to_numpy(x).ravel().tolist()
                for x in sim.tensor_graph.trainable_variables
            ]
    predicted = [value.ravel().tolist() for value in values.values()]
    if kind == "mirrored":
        check_random_numbers(scope)
    print(
        json.dumps(
            {
                "history": history,
                "results": results,
                "weights": weights,
                "predicted": predicted,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
