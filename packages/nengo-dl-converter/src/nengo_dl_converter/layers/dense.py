"""Dense layers."""

from __future__ import annotations

import math

import keras
import nengo
from nengo.base import NengoObject

from ..layer_converter import LayerConverter, regularized
from ..registry import registry


@registry.register(keras.layers.Dense)
class ConvertDense(LayerConverter):
    """Convert `keras.layers.Dense` to a connection, biases and neurons.

    On inputs with several axes the layer works along the last one; that is a
    convolution with kernels of size 1, which shares the weights along the others.
    """

    unsupported_training_args = regularized("kernel", "bias")
    has_weights = True

    def convert(self, node_id: int) -> NengoObject:
        """Add the objects for one call."""
        layer = self.layer
        output = self.add_nengo_obj(
            node_id,
            biases=layer.bias.numpy() if layer.use_bias else None,
            activation=layer.activation,
        )
        kernel = layer.kernel.numpy()
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
        self.add_connection(node_id, output, transform=transform, trainable=True)
        return output
