"""Networks like those that people convert, in small."""

import keras
import pytest
from keras import layers

from keras_oracle import assert_native, example_inputs, randomize
from nengo_dl_converter import Converter


def mobile_net():
    """Depthwise separable convolutions with ReLU6, after Howard et al. (2017)."""

    def normalized(x):
        return layers.ReLU(6.0)(layers.BatchNormalization()(x))

    inputs = keras.Input((12, 12, 3))
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(layers.Rescaling(1 / 2)(inputs))
    x = normalized(layers.Conv2D(4, 3, strides=2, use_bias=False)(x))
    for filters, strides in (6, 1), (8, 2):
        x = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(x)
        x = normalized(x)
        x = normalized(layers.Conv2D(filters, 1, use_bias=False)(x))
    x = layers.Dropout(0.1)(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Reshape((5,))(layers.Conv2D(5, 1)(x))
    return keras.Model(inputs, x)


def res_net():
    """Connections around pairs of convolutions, after He et al. (2016)."""

    def block(x, filters, strides):
        y = layers.Conv2D(filters, 3, strides, padding="same")(x)
        y = layers.ReLU()(layers.BatchNormalization()(y))
        y = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(y))
        if x.shape != y.shape:
            x = layers.BatchNormalization()(layers.Conv2D(filters, 1, strides)(x))
        return layers.ReLU()(layers.Add()([x, y]))

    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    for filters, strides in (4, 1), (6, 2):
        x = block(x, filters, strides)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(5)(x))


def auto_encoder():
    """An encoder and a decoder with transposed convolutions, as models in a model."""
    image = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(image)
    encoder = keras.Model(image, layers.Dense(6)(layers.Flatten()(x)))
    decoder = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(4 * 4 * 2, "relu"),
            layers.Reshape((4, 4, 2)),
            layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(1, 3, padding="same"),
        ]
    )
    return keras.Model(image, decoder(encoder(image)))


def u_net():
    """Skips from an encoder to a decoder, after Ronneberger et al. (2015)."""
    image = keras.Input((8, 8, 1))
    wide = layers.Conv2D(3, 3, padding="same", activation="relu")(image)
    x = layers.AveragePooling2D(2)(wide)
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = layers.Concatenate()([layers.UpSampling2D()(x), wide])
    return keras.Model(image, layers.Conv2D(1, 1)(x))


@pytest.mark.parametrize("make", [mobile_net, res_net, auto_encoder, u_net])
def test_architectures(make):
    model = randomize(make())
    converter = assert_native(model, inference_only=True)
    assert converter.verify(inputs=example_inputs(model, 2), rtol=1e-9)
    assert Converter(model, inference_only=True, scale_firing_rates=5).verify()
