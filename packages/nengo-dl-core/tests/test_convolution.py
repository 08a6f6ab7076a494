"""Convolutions and transposed convolutions."""

import nengo
import numpy as np
import pytest
import tensorflow as tf

from nengo_dl_core import configure_settings
from nengo_dl_core.builders.correlation import correlate, correlate_transposed
from nengo_dl_core.program.program import Program
from reference import assert_matches_reference, assert_same, simulated_data


def network(*transforms):
    """Apply transforms to a varying input, and probe what comes out."""
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        for transform in transforms:
            frequencies = np.arange(1, transform.size_in + 1)
            stimulus = nengo.Node(lambda t, f=frequencies: np.sin(t * f))
            target = nengo.Node(size_in=transform.size_out)
            nengo.Connection(stimulus, target, transform=transform, synapse=None)
            nengo.Probe(target)
    return net


def convolutions(kind):
    """Convolutions of one kind with all sorts of shapes, strides and paddings."""
    options = {"init": nengo.dists.Uniform(-1, 1)}
    for padding in ("same", "valid"):
        options["padding"] = padding
        yield kind(3, (5, 6, 2), **options)
        yield kind(4, (7, 5, 2), kernel_size=(2, 3), strides=(2, 3), **options)
        yield kind(
            3,
            (2, 6, 7),
            kernel_size=(3, 2),
            strides=(1, 2),
            channels_last=False,
            **options,
        )
        yield kind(2, (9, 3), kernel_size=(4,), strides=(3,), **options)
        yield kind(
            2, (3, 9), kernel_size=(3,), strides=(1,), channels_last=False, **options
        )


def grouped():
    for groups, padding in ((2, "same"), (2, "valid"), (4, "same")):
        yield nengo.Convolution(
            8, (5, 6, 4), groups=groups, padding=padding, strides=(2, 1)
        )
    yield nengo.Convolution(4, (3, 4, 6), groups=2)
    yield nengo.Convolution(
        2, (4, 7), kernel_size=(3,), strides=(2,), groups=2, channels_last=False
    )


TRANSFORMS = {
    "plain": lambda: convolutions(nengo.Convolution),
    "grouped": grouped,
    "transposed": lambda: convolutions(nengo.ConvolutionTranspose),
    "output_shape": lambda: [
        nengo.ConvolutionTranspose(
            2, (3, 3, 2), output_shape=(n, n + 1, 2), strides=(2, 2), padding=padding
        )
        for padding, n in (("same", 5), ("valid", 7))
    ],
}


@pytest.mark.parametrize("transforms", TRANSFORMS.values(), ids=TRANSFORMS)
def test_equals_reference(transforms):
    net = network(*transforms())
    expected = assert_matches_reference(net, 5)
    with net:
        configure_settings(jit_compile=False)
    minibatch = simulated_data(net, [5], minibatch_size=2)
    assert_same({probe: x[1] for probe, x in minibatch.items()}, expected)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
def test_gradient(strides, padding, groups):
    """The gradient is the one that TensorFlow has of its own convolution."""
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(2, 7, 8, 6)))
    kernel = tf.constant(rng.normal(size=(3, 2, 6 // groups, 6)))

    def native(x, kernel):
        return tf.concat(
            [
                tf.nn.convolution(part, weights, strides, padding.upper())
                for part, weights in zip(
                    tf.split(x, groups, -1), tf.split(kernel, groups, -1), strict=True
                )
            ],
            axis=-1,
        )

    def ours(x, kernel):
        return correlate(x, kernel, strides, padding, groups)

    _assert_equal_with_gradients(ours, native, x, kernel)


@pytest.mark.parametrize(("padding", "shape"), [("same", (6, 7)), ("valid", (7, 9))])
def test_gradient_of_transpose(padding, shape):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(2, 3, 4, 4)))
    kernel = tf.constant(rng.normal(size=(3, 2, 4, 5)))

    def native(x, kernel):
        kernel = tf.linalg.matrix_transpose(kernel)
        return tf.nn.conv_transpose(x, kernel, (2, *shape, 5), 2, padding.upper())

    def ours(x, kernel):
        return correlate_transposed(x, kernel, (2, 2), padding, shape)

    _assert_equal_with_gradients(ours, native, x, kernel)


def _assert_equal_with_gradients(ours, native, *args):
    results = []
    for function in (ours, native):
        with tf.GradientTape() as tape:
            tape.watch(args)
            y = function(*args)
            loss = tf.reduce_sum(y * tf.sin(y))
        results.append([y, *tape.gradient(loss, args)])
    for actual, expected in zip(*results, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-10)


def test_library_functions_equal_reference(monkeypatch):
    """What runs on a GPU is TensorFlow's own."""
    monkeypatch.setattr(Program, "cpu_only", False)
    names = ["plain", "grouped", "output_shape"]
    net = network(*(item for name in names for item in TRANSFORMS[name]()))
    with net:
        configure_settings(jit_compile=False)
    assert_matches_reference(net, 3)


@pytest.mark.usefixtures("executor")
def test_three_dimensions():
    """The reference has no convolution of more than two dimensions; TensorFlow has."""
    kernel = np.random.default_rng(0).normal(size=(2, 3, 2, 2, 3))
    transform = nengo.Convolution(
        3,
        (5, 6, 7, 2),
        kernel.shape[:3],
        strides=(1, 2, 2),
        padding="same",
        init=kernel,
    )
    (values,) = simulated_data(network(transform), [3]).values()
    times = 0.001 * np.arange(1, 4)
    x = np.sin(np.outer(times, np.arange(1, transform.size_in + 1)))
    x = x.reshape((3, *transform.input_shape.shape))
    expected = tf.nn.conv3d(x, kernel, (1, 1, 2, 2, 1), "SAME")
    np.testing.assert_allclose(values, expected.numpy().reshape(3, -1), atol=1e-12)
