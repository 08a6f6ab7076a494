"""Training the network is training the Keras model."""

import keras
import numpy as np
import pytest
from keras import layers

import nengo_dl_core
from keras_oracle import assert_native, example_inputs, randomize
from nengo_dl_converter import ConversionError, Converter, VerificationError


class Cube(layers.Layer):
    """A layer with a weight, without converter."""

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(), initializer="ones")

    def call(self, x):
        return self.factor * x**3


def shared(x):
    dense = layers.Dense(4, "tanh")
    return dense(dense(x))


def residual(x):
    y = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    return layers.GlobalAveragePooling2D()(layers.Add()([x, y]))


def dense_leaky(x):
    return layers.LeakyReLU(0.25)(layers.Dense(3)(x))


def rearranged(x):
    return layers.Cropping1D(1)(layers.ZeroPadding1D(2)(layers.Permute((2, 1))(x)))


# The outputs of a model are trained beside each other, each with weights of its own.
NATIVE = {
    "vectors": (
        (4,),
        lambda x: layers.Dense(3)(layers.Dense(6, "relu")(x)),
        lambda x: layers.Dense(3)(layers.Dense(6, "relu", trainable=False)(x)),
        lambda x: layers.Dense(6, "relu6")(x),
        lambda x: layers.ReLU(0.5, negative_slope=0.1)(layers.Dense(6)(x)),
        lambda x: layers.Subtract()([layers.Dense(3)(x), dense_leaky(x)]),
        lambda x: layers.Maximum()([layers.Dense(3)(x), dense_leaky(x)]),
    ),
    "sequences": (
        (7, 2),
        lambda x: layers.Dense(3, "tanh")(x),
        lambda x: layers.Conv1D(3, 2, dilation_rate=2)(x),
        lambda x: layers.Conv1D(3, 2, strides=2, padding="causal")(x),
        lambda x: layers.Conv1DTranspose(2, 3, strides=2)(x),
        lambda x: layers.UpSampling1D(2)(layers.Dense(3)(x)),
        lambda x: layers.Rescaling(0.5)(rearranged(layers.Dense(3, "sigmoid")(x))),
    ),
    "images": (
        (6, 5, 4),
        lambda x: layers.Conv2D(3, 2, strides=2, activation="relu")(x),
        lambda x: layers.Conv2D(4, 2, groups=2, dilation_rate=2)(x),
        lambda x: layers.DepthwiseConv2D(2)(x),
        lambda x: layers.SeparableConv2D(2, 3)(x),
        lambda x: layers.AveragePooling2D(2)(layers.Conv2D(3, 2)(x)),
        residual,
    ),
    "volumes": (
        (3, 4, 3, 2),
        lambda x: layers.Conv3D(2, 2)(x),
        lambda x: layers.Conv3DTranspose(2, 2, strides=2)(x),
    ),
}
FALLBACK = (
    (4, 4),
    lambda x: layers.Dense(3, "softmax")(x),
    lambda x: layers.Dense(3)(Cube()(x)),
    lambda x: layers.MaxPooling1D(2)(layers.Dense(3)(x)),
    lambda x: layers.LayerNormalization()(x),
    lambda x: layers.BatchNormalization()(layers.Dense(3)(x)),
    shared,
)


def model_of(shape, *functions):
    x = keras.Input(shape)
    return randomize(keras.Model(x, [function(x) for function in functions]))


def assert_trains_alike(model, **kwargs):
    converter = Converter(model, **kwargs)
    inputs = example_inputs(model, 3)
    assert converter.verify(training=True, inputs=inputs, rtol=1e-9)


def test_native_layers():
    assert_trains_alike(model_of(*NATIVE["vectors"]), allow_fallback=False)


def trained_parameters(network, sim):
    """Weights and biases that are trained, in the order of their objects."""
    connections, ensembles = network.all_connections, network.all_ensembles
    trainable = network.config
    weights = [sim.data[x].weights for x in connections if trainable[x].trainable]
    biases = [sim.data[x].bias for x in ensembles if trainable[x.neurons].trainable]
    return weights + biases


@pytest.mark.parametrize("shape_and_functions", NATIVE.values(), ids=NATIVE)
def test_weights_after_ten_steps(shape_and_functions):
    model = model_of(*shape_and_functions)
    (inputs,) = example_inputs(model, 3)
    rng = np.random.default_rng(0)
    targets = [rng.normal(size=(3, *output.shape[1:])) for output in model.outputs]
    ten_steps = {"epochs": 10, "verbose": 0}

    converter = Converter(model, allow_fallback=False)
    with nengo_dl_core.Simulator(
        converter.net, minibatch_size=3, progress_bar=False
    ) as sim:
        sim.compile(keras.optimizers.SGD(0.01), loss="mse", jit_compile=False)
        flat = [values.reshape(3, 1, -1) for values in (inputs, *targets)]
        sim.fit(flat[:1], flat[1:], **ten_steps)
        in_nengo = trained_parameters(converter.net, sim)

    before = model.get_weights()
    model.compile(keras.optimizers.SGD(0.01), loss="mse", jit_compile=False)
    model.fit(inputs, targets, batch_size=3, **ten_steps)
    assert not np.allclose(model.get_weights()[-1], before[-1])
    network = Converter(model, allow_fallback=False).net
    with nengo_dl_core.Simulator(network, progress_bar=False) as sim:
        in_keras = trained_parameters(network, sim)

    for have, want in zip(in_nengo, in_keras, strict=True):
        np.testing.assert_allclose(have, want, rtol=0, atol=1e-9)


@pytest.mark.filterwarnings("ignore:.*becomes a TensorNode")
def test_tensor_nodes():
    assert_trains_alike(model_of(*FALLBACK))


def test_scaled_firing_rates():
    assert_trains_alike(model_of(*NATIVE["vectors"]), scale_firing_rates=10)


def test_a_network_that_trains_otherwise_is_reported():
    x = keras.Input((4,))
    model = randomize(keras.Model(x, layers.Dense(3, "relu")(x)))
    converter = Converter(model)
    for connection in converter.net.all_connections:
        converter.net.config[connection].trainable = False
    with pytest.raises(VerificationError, match="after training"):
        converter.verify(training=True)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.Dense(3, kernel_regularizer="l2"),
        lambda: layers.Conv1D(3, 2, bias_constraint="non_neg"),
        lambda: layers.DepthwiseConv1D(2, depthwise_regularizer="l1"),
        lambda: layers.SeparableConv1D(3, 2, pointwise_constraint="max_norm"),
        lambda: layers.Activation("relu", activity_regularizer="l1"),
    ],
)
def test_regularized_layers_are_native_in_inference_alone(layer):
    x = keras.Input((4, 4))
    model = randomize(keras.Model(x, layer()(x)))
    with pytest.raises(ConversionError, match="not supported unless inference_only"):
        Converter(model, allow_fallback=False)
    assert_native(model, inference_only=True)
