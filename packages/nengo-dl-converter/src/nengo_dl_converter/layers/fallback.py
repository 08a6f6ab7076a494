"""Layers without native form, as TensorNodes."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from nengo.base import NengoObject

import nengo_dl_core

from ..conversion import Conversion
from ..errors import ConversionError
from ..independence import works_across
from ..keras_graph import Call
from ..layer_converter import LayerConverter, one_or_list


class FlatCall(keras.layers.Layer):
    """A call of a layer, from one flat input to one flat output.

    Parameters
    ----------
    call : Call
        The call.
    """

    def __init__(self, call: Call) -> None:
        policy = getattr(call.layer, "dtype_policy", None)
        if policy is not None and policy.quantization_mode is not None:
            policy = policy.compute_dtype  # quantization is the layer's own affair
        super().__init__(dtype=policy)
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


def add_tensor_node(
    converter: Conversion, call: Call, inputs: list[NengoObject]
) -> list[NengoObject]:
    """Add a TensorNode that computes a call of a layer.

    Parameters
    ----------
    converter : Conversion
        The conversion.
    call : Call
        The call.
    inputs : list of NengoObject
        The objects of its inputs.

    Returns
    -------
    outputs : list of NengoObject
        The objects of its outputs.
    """
    populations = converter.populations
    sizes_in = [math.prod(shape) for shape in call.input_shapes]
    sizes_out = [math.prod(shape) for shape in call.output_shapes]
    node = nengo_dl_core.TensorNode(
        FlatCall(call),
        shape_in=(sum(sizes_in),),
        shape_out=(sum(sizes_out),),
        pass_time=False,
        label=call.layer.name,
    )
    starts = np.cumsum([0, *sizes_in[:-1]])
    for pre, start, size in zip(inputs, starts, sizes_in, strict=True):
        indices = np.arange(node.size_in) - start
        indices[indices >= size] = -1
        populations.gather(pre, indices, node)
    if len(sizes_out) == 1:
        return [node]
    outputs = []
    for start, size in zip(np.cumsum([0, *sizes_out[:-1]]), sizes_out, strict=True):
        outputs.append(populations.add((size,), label=call.layer.name))
        populations.gather(node, np.arange(start, start + size), outputs[-1])
    return outputs


class ConvertFallback(LayerConverter):
    """Convert any layer to a TensorNode, which runs in the NengoDL simulator alone.

    A simulator trains weights of its own, which all calls of a layer share.
    """

    def convert(self, node_id: int) -> NengoObject | list[NengoObject]:
        call = self.calls[node_id]
        if across := works_across(call):
            raise ConversionError(
                f"Layer {self.layer.name!r} works across the {across}, each of which a "
                "network computes by itself"
            )
        inputs = [self.get_input_obj(node_id, i) for i in range(len(call.inputs))]
        return one_or_list(add_tensor_node(self.converter, call, inputs))
