"""Dense layers."""

from __future__ import annotations

import copy
import math
import warnings

import keras
import nengo
import numpy as np
from nengo.base import NengoObject

from ..layer_converter import LayerConverter, regularized
from ..registry import registry


def dequantized_kernel(layer: keras.layers.Dense) -> np.ndarray:
    """Return the weights that a Dense layer computes with, quantized or not.

    However they are stored, they are the layer's outputs for the rows of an identity
    matrix, without biases and activation function.

    Parameters
    ----------
    layer : keras.layers.Dense
        The layer. It is not changed.

    Returns
    -------
    kernel : numpy.ndarray
        The weights, shape ``(size_in, units)``.
    """
    if layer.quantization_mode is None:
        return layer.kernel.numpy()
    warnings.warn(
        f"Layer {layer.name!r} is quantized ({layer.quantization_mode}): its weights "
        "are dequantized, and its inputs are not rounded as Keras does",
        stacklevel=2,
    )
    linear = copy.copy(layer)
    linear.activation = linear.bias = None
    (size_in,) = layer.input_spec.axes.values()
    return linear(np.eye(size_in, dtype=layer.compute_dtype)).numpy()


@registry.register(keras.layers.Dense)
class ConvertDense(LayerConverter):
    """Convert `keras.layers.Dense` to a connection, biases and neurons.

    On inputs with several axes the layer works along the last one; that is a
    convolution with kernels of size 1, which shares the weights along the others.
    """

    unsupported_training_args = (
        *regularized("kernel", "bias"),
        ("lora_enabled", False),
    )
    has_weights = True

    def convert(self, node_id: int) -> NengoObject:
        layer = self.layer
        output = self.add_nengo_obj(
            node_id,
            biases=layer.bias.numpy() if layer.use_bias else None,
            activation=layer.activation,
        )
        kernel = dequantized_kernel(layer)
        *rest, size_in = self.input_shape(node_id)
        transform = (
            nengo.Convolution(
                layer.units,
                (math.prod(rest), size_in),
                kernel_size=(1,),
                strides=(1,),
                init=kernel[None],
            )
            if rest
            else kernel.T
        )
        # Keras trains the float8 copy of weights, but no integers.
        trained = layer.quantization_mode in (None, "float8")
        self.add_connection(node_id, output, transform=transform, trainable=trained)
        return output
