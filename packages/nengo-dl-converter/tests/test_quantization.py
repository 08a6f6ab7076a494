"""Quantized Keras models: weights are dequantized, or layers stay Keras' own."""

import keras
import nengo
import numpy as np
import pytest
from keras import layers

import nengo_dl_core
from nengo_dl_converter import ConversionError, Converter, VerificationError

# What Keras warns of while it quantizes a model.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
    pytest.mark.filterwarnings("ignore:.*not have a `quantize` method"),
]
INPUTS = np.random.default_rng(0).normal(size=(4, 16)).astype("float32")


@pytest.fixture(autouse=True)
def float32():
    """Undo what the other tests need: Keras quantizes from single precision."""
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def quantized(mode, hidden=None):
    x = keras.Input((16,))
    hidden = hidden or layers.Dense(12, "relu", bias_initializer="normal")
    model = keras.Model(x, layers.Dense(3)(hidden(x)))
    model.quantize(mode)
    return model


def dequantized(layer):
    """The weights of a layer, as Keras documents its modes of quantization."""
    if layer.quantization_mode == "int8":
        return layer.kernel.numpy() / layer.kernel_scale.numpy()
    scale, zero = layer.kernel_scale.numpy(), layer.kernel_zero.numpy()
    groups = layer.g_idx.numpy().astype(int)
    return (layer.kernel.numpy() - zero[groups]) * scale[groups]


def dense_connections(net):
    """The connections with the weights of layers, by their number of outputs."""
    return {
        connection.size_out: connection
        for connection in net.all_connections
        if isinstance(connection.transform, nengo.Dense)
        and connection.size_in > 1  # no biases
    }


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_weights_are_dequantized(mode):
    model = quantized(mode)
    with pytest.warns(UserWarning, match=rf"is quantized \({mode}\)"):
        converter = Converter(model, allow_fallback=False)
    weights = dense_connections(converter.net)
    for layer in model.layers[1:]:
        have = weights[layer.units].transform.init.T
        np.testing.assert_allclose(have, dequantized(layer), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("mode", "rounding"), [("int8", 0.02), ("int4", 1e-5), ("float8", 0.05)]
)
def test_outputs_differ_by_the_rounding_of_inputs_alone(mode, rounding):
    model = quantized(mode)
    before = [layer.activation for layer in model.layers[1:]], model.get_weights()
    with pytest.warns(UserWarning, match="its weights are dequantized"):
        converter = Converter(model)
    assert converter.verify(inputs=INPUTS, rtol=rounding)
    after = [layer.activation for layer in model.layers[1:]], model.get_weights()
    assert after[0] == before[0]
    for have, want in zip(after[1], before[1], strict=True):
        np.testing.assert_array_equal(have, want)


def test_verification_tells_how_large_the_rounding_is():
    with pytest.warns(UserWarning, match="its weights are dequantized"):
        converter = Converter(quantized("int8"))
    with pytest.raises(VerificationError, match="differs by"):
        converter.verify(inputs=INPUTS)


def test_integers_are_not_trained():
    with pytest.warns(UserWarning, match="its weights are dequantized"):
        net = Converter(quantized("int8")).net
    for connection in dense_connections(net).values():
        assert not net.config[connection].trainable
    (hidden,) = net.all_ensembles
    assert net.config[hidden.neurons].trainable  # biases


def test_quantized_layers_without_native_form_compute_what_keras_does():
    model = quantized("int8", layers.EinsumDense("ab,bc->ac", (12,), bias_axes="c"))
    with pytest.warns(UserWarning, match="becomes a TensorNode|are dequantized"):
        converter = Converter(model)
    einsum = converter.layers[model.layers[1]]
    assert isinstance(einsum, nengo_dl_core.TensorNode)
    report = converter.compare(INPUTS)
    assert report.layers[0].relative_difference < 1e-6


@pytest.mark.parametrize("kind", [lambda: layers.Dense(5), lambda: layers.Conv1D(5, 2)])
def test_weights_with_an_adapter_are_native_in_inference(kind):
    x = keras.Input((6, 3))
    layer = kind()
    model = keras.Model(x, layer(x))
    layer.enable_lora(2)
    layer.lora_kernel_b.assign(keras.random.normal(layer.lora_kernel_b.shape, seed=0))
    with pytest.raises(ConversionError, match="lora_enabled=True is not supported"):
        Converter(model, allow_fallback=False)
    inputs = np.random.default_rng(0).normal(size=(2, 6, 3))
    assert Converter(model, allow_fallback=False, inference_only=True).verify(
        inputs=inputs
    )
