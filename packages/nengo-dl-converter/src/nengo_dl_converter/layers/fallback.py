"""Layers without native form."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from nengo.base import NengoObject

import nengo_dl_core

from ..keras_graph import Call
from ..layer_converter import LayerConverter


class FlatCall(keras.layers.Layer):
    """A call of a layer, from one flat input to one flat output.

    Parameters
    ----------
    call : Call
        The call.
    """

    def __init__(self, call: Call) -> None:
        super().__init__(dtype=getattr(call.layer, "dtype_policy", None))
        self.layer = call.layer  # for Keras to find its weights
        self._call = call

    def call(self, flat: Any) -> Any:
        """Compute the outputs.

        Parameters
        ----------
        flat : tf.Tensor
            All inputs, shape ``(batch_size, size_in)``.

        Returns
        -------
        outputs : tf.Tensor
            All outputs, shape ``(batch_size, size_out)``.
        """
        step = (1,) * (self._call.batch_axes - 1)  # each step of a temporal model
        shapes = self._call.input_shapes
        parts = tf.split(flat, [math.prod(shape) for shape in shapes], axis=1)
        values = {
            tensor: tf.cast(tf.reshape(part, (-1, *step, *shape)), tensor.dtype)
            for tensor, part, shape in zip(
                self._call.inputs, parts, shapes, strict=True
            )
        }
        args, kwargs = self._call.arguments(values)
        outputs = keras.tree.flatten(self.layer(*args, **kwargs))
        sizes = [math.prod(shape) for shape in self._call.output_shapes]
        flattened = [
            tf.reshape(output, (-1, size))
            for output, size in zip(outputs, sizes, strict=True)
        ]
        return tf.concat(flattened, axis=1)


class ConvertFallback(LayerConverter):
    """Convert any layer to a TensorNode, which runs in the NengoDL simulator alone.

    A simulator trains weights of its own, which all calls of a layer share.
    """

    def convert(self, node_id: int) -> NengoObject | list[NengoObject]:
        """Add the TensorNode for one call."""
        call = self.calls[node_id]
        gather = self.converter.populations.gather
        sizes_in = [math.prod(shape) for shape in call.input_shapes]
        sizes_out = [math.prod(shape) for shape in call.output_shapes]
        node = nengo_dl_core.TensorNode(
            FlatCall(call),
            shape_in=(sum(sizes_in),),
            shape_out=(sum(sizes_out),),
            pass_time=False,
            label=self.layer.name,
        )
        for i, start in enumerate(np.cumsum([0, *sizes_in[:-1]])):
            indices = np.arange(node.size_in) - start
            indices[indices >= sizes_in[i]] = -1
            gather(self.get_input_obj(node_id, i), indices, node)
        if len(sizes_out) == 1:
            return node
        outputs = [self.add_population(shape) for shape in call.output_shapes]
        for output, start in zip(outputs, np.cumsum([0, *sizes_out[:-1]]), strict=True):
            gather(node, np.arange(start, start + output.size_in), output)
        return outputs
