"""Random stacks of layers compute in Nengo what they compute in Keras."""

import math
import os
from functools import partial

import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from keras_oracle import assert_native, randomize

# Default initializers draw from the random module, which strategies must not.
ZEROS = {"kernel_initializer": "zeros"}
SPLIT = {"depthwise_initializer": "zeros", "pointwise_initializer": "zeros"}
ACTIVATIONS = st.sampled_from([None, "relu", "tanh", "sigmoid", "relu6"])
MAX_SIZE = 300
N_STACKS = min(200, int(os.environ.get("NENGO_DL_EXAMPLES", "200")))


def window(lengths, padding):
    """Sizes of a window that fits into axes of some lengths."""
    return st.tuples(
        *(st.integers(1, 3 if padding == "same" else min(3, n)) for n in lengths)
    )


@st.composite
def convolution(draw, *lengths, channels):
    padding = draw(st.sampled_from(["valid", "same"]))
    size = draw(window(lengths, padding))
    kind = (layers.Conv1D, layers.Conv2D)[len(lengths) - 1]
    return kind(
        2 * draw(st.integers(1, 2)),
        size,
        strides=draw(st.sampled_from([1, 2])),
        padding=padding,
        groups=2 if channels % 2 == 0 and draw(st.booleans()) else 1,
        activation=draw(ACTIVATIONS),
        use_bias=draw(st.booleans()),
        **ZEROS,
    )


@st.composite
def dilated(draw, *lengths):
    kind = (layers.Conv1D, layers.Conv2D)[len(lengths) - 1]
    return kind(2, 2, dilation_rate=draw(st.integers(2, 3)), padding="same", **ZEROS)


@st.composite
def pooling(draw, *lengths):
    padding = draw(st.sampled_from(["valid", "same"]))
    size = draw(window(lengths, padding))
    kind = (layers.AveragePooling1D, layers.AveragePooling2D)[len(lengths) - 1]
    return kind(size, padding=padding, strides=draw(st.sampled_from([None, 1, 2])))


@st.composite
def any_layer(draw, shape):
    """A layer for inputs of a shape."""
    axis = draw(st.integers(1, len(shape)))
    choices = [
        st.builds(partial(layers.Dense, **ZEROS), st.integers(1, 6), ACTIVATIONS),
        st.builds(layers.Activation, st.sampled_from(["relu", "tanh"])),
        st.builds(layers.ReLU, st.sampled_from([None, 0.5])),
        st.just(layers.BatchNormalization(axis=axis)),
        st.just(layers.Rescaling(0.5, offset=-0.2)),
        st.just(layers.Dropout(0.5, seed=0)),
        st.just(layers.Flatten()),
        st.permutations(range(1, len(shape) + 1)).map(layers.Permute),
        st.permutations(shape).map(layers.Reshape),
    ]
    *lengths, channels = shape
    if len(shape) == 1:
        choices.append(st.builds(layers.RepeatVector, st.integers(1, 3)))
    if len(shape) in (2, 3):
        choices += [
            convolution(*lengths, channels=channels),
            dilated(*lengths),
            pooling(*lengths),
        ]
    if len(shape) == 2:
        choices += [
            st.just(layers.Conv1D(2, 2, padding="causal", **ZEROS)),
            st.just(layers.Conv1DTranspose(2, 3, strides=2, padding="same", **ZEROS)),
            st.just(layers.GlobalAveragePooling1D()),
            st.builds(layers.ZeroPadding1D, st.integers(0, 2)),
            st.just(layers.UpSampling1D(2)),
        ]
    if len(shape) == 3:
        choices += [
            st.just(
                layers.DepthwiseConv2D(2, padding="same", depthwise_initializer="zeros")
            ),
            st.just(layers.SeparableConv2D(2, 2, padding="same", **SPLIT)),
            st.just(layers.Conv2DTranspose(2, 2, strides=2, **ZEROS)),
            st.just(layers.GlobalAveragePooling2D(keepdims=True)),
            st.builds(layers.ZeroPadding2D, st.integers(0, 1)),
            st.just(layers.UpSampling2D(2)),
        ]
        if min(lengths) > 2:
            choices.append(st.just(layers.Cropping2D(1)))
    return draw(st.one_of(choices))


@st.composite
def models(draw):
    """A model of up to five layers, some of them with a connection around them."""
    shape = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    x = inputs = keras.Input(shape)
    for _ in range(draw(st.integers(1, 5))):
        layer = draw(any_layer(x.shape[1:]))
        y = layer(x)
        if math.prod(y.shape[1:]) > MAX_SIZE:
            break
        if y.shape == x.shape:
            merge = draw(
                st.sampled_from(
                    [
                        None,
                        layers.Add,
                        layers.Subtract,
                        layers.Concatenate,
                        layers.Maximum,
                    ]
                )
            )
            y = merge()([x, y]) if merge else y
        x = y
    return keras.Model(inputs, x)


@pytest.mark.filterwarnings("ignore:.*has no amplitude to scale")
@settings(max_examples=N_STACKS, deadline=None, derandomize=True)
@given(models(), st.sampled_from([None, 3]))
def test_random_stacks(model, scale):
    assert_native(randomize(model), inference_only=True, scale_firing_rates=scale)
