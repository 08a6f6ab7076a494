"""Random numbers within a network follow from the seed of the simulator alone."""

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf

from nengo_dl_core import Simulator, TensorNode, configure_settings


def simulator(net, **options):
    return Simulator(net, progress_bar=False, **options)


def drawn(seed, func, surroundings, **options):
    keras.utils.set_random_seed(surroundings)
    with nengo.Network() as net:
        configure_settings(learning_phase=True)
        options = {"pass_time": False, **options}
        node = TensorNode(func(), shape_in=(20,), **options)
        nengo.Connection(nengo.Node(np.ones(20)), node, synapse=None)
        probe = nengo.Probe(node)
    with simulator(net, seed=seed) as sim:
        sim.run_steps(3)
        return sim.data[probe].copy()


@pytest.mark.parametrize(
    "func",
    [
        lambda: lambda x: x + tf.random.uniform(tf.shape(x)),
        lambda: lambda x: x * tf.random.normal([], dtype=x.dtype),
        lambda: lambda x: tf.random.shuffle(tf.range(20.0))[None] * x,
        lambda: keras.layers.Dropout(0.5),
        lambda: keras.Sequential([keras.layers.GaussianNoise(1.0)]),
    ],
)
@pytest.mark.parametrize("shape_out", [None, (20,)])
def test_seed(func, shape_out):
    draws = [
        drawn(seed, func, i, shape_out=shape_out) for i, seed in enumerate((1, 1, 2))
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
    assert not np.array_equal(draws[0][0], draws[0][1])


def test_layers_with_a_seed_of_their_own():
    draws = [
        drawn(seed, lambda: keras.layers.Dropout(0.5, seed=7), seed) for seed in (1, 2)
    ]
    np.testing.assert_array_equal(*draws)


def test_layers_differ_and_begin_anew():
    with nengo.Network() as net:
        configure_settings(learning_phase=True)
        ones = nengo.Node(np.ones(40))
        for _ in range(2):
            node = TensorNode(
                keras.layers.Dropout(0.5), shape_in=(40,), pass_time=False
            )
            nengo.Connection(ones, node, synapse=None)
            nengo.Probe(node)
    with simulator(net, seed=3) as sim:
        values = []
        for options in ({}, {"include_trainable": False}, {"seed": 4}):
            sim.reset(**options)
            sim.run_steps(3)
            values.append([sim.data[probe].copy() for probe in net.probes])
    first, second = values[0]
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(values[0], values[1])
    assert not np.array_equal(values[0], values[2])


def test_global_seed_is_left_alone():
    tf.random.set_seed(5)
    expected = tf.random.uniform((3,)).numpy()
    tf.random.set_seed(5)
    drawn(1, lambda: keras.layers.Dropout(0.5), 0)
    tf.random.set_seed(5)
    with nengo.Network() as net:
        TensorNode(lambda t: tf.random.uniform((1, 1)), shape_out=(1,))
    with simulator(net) as sim:
        sim.run_steps(2)
    np.testing.assert_array_equal(tf.random.uniform((3,)), expected)
