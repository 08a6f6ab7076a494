"""Layers without native form."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from nengo.base import NengoObject

import nengo_dl_core

from ..errors import ConversionError
from ..keras_graph import Call
from ..layer_converter import LayerConverter
from ..registry import registry

if TYPE_CHECKING:
    from ..converter import Converter


class FlatCall(keras.layers.Layer):
    """A call of a layer, from one flat input to one flat output.

    Parameters
    ----------
    call : Call
        The call.
    layer : keras.Layer or keras.Operation
        What is called.
    """

    def __init__(self, call: Call, layer: Any) -> None:
        super().__init__(dtype=getattr(layer, "dtype_policy", None))
        self.layer = layer
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
        ends = np.cumsum([math.prod(shape) for shape in shapes])
        parts = keras.ops.split(flat, ends[:-1].tolist(), axis=1)
        values = {
            tensor: keras.ops.reshape(part, (-1, *step, *shape))
            for tensor, part, shape in zip(
                self._call.inputs, parts, shapes, strict=True
            )
        }
        args, kwargs = self._call.arguments(values)
        outputs = keras.tree.flatten(self.layer(*args, **kwargs))
        sizes = [math.prod(shape) for shape in self._call.output_shapes]
        return keras.ops.concatenate(
            [
                keras.ops.reshape(output, (-1, size))
                for output, size in zip(outputs, sizes, strict=True)
            ],
            axis=1,
        )


class ConvertFallback(LayerConverter):
    """Convert any layer to a TensorNode, which runs in the NengoDL simulator alone.

    Layers with weights are copied, so that training the network leaves the Keras model
    as it is. All calls of a layer share one copy.
    """

    @classmethod
    def obstacle(cls, layer: Any, converter: Converter) -> str | None:
        """Say why the layer cannot be a TensorNode, or return None if it can."""
        kind = registry.get(layer)
        remembers = isinstance(layer, (keras.layers.RNN, keras.layers.Bidirectional))
        if converter.temporal_model and (remembers or (kind and kind.spans_time)):
            return "a TensorNode would compute each step of the model by itself"
        return None

    def convert(self, node_id: int) -> NengoObject | list[NengoObject]:
        """Add the TensorNode for one call."""
        call = self.calls[node_id]
        connect = self.converter.populations.gather
        sizes_in = [math.prod(shape) for shape in call.input_shapes]
        sizes_out = [math.prod(shape) for shape in call.output_shapes]
        node = nengo_dl_core.TensorNode(
            FlatCall(call, self.layer_copy),
            shape_in=(sum(sizes_in),),
            shape_out=(sum(sizes_out),),
            pass_time=False,
            label=self.layer.name,
        )
        for i, start in enumerate(np.cumsum([0, *sizes_in[:-1]])):
            indices = np.arange(node.size_in) - start
            indices[indices >= sizes_in[i]] = -1
            connect(self.get_input_obj(node_id, i), indices, node)
        if len(sizes_out) == 1:
            return node
        outputs = [self.add_population(shape) for shape in call.output_shapes]
        for output, start in zip(outputs, np.cumsum([0, *sizes_out[:-1]]), strict=True):
            connect(node, np.arange(start, start + output.size_in), output)
        return outputs

    @cached_property
    def layer_copy(self) -> Any:
        """The layer, or a copy of it with the same weights if it has any."""
        if not getattr(self.layer, "weights", ()):
            return self.layer
        try:
            copy = type(self.layer).from_config(self.layer.get_config())
            copy.build_from_config(self.layer.get_build_config())
            copy.set_weights(self.layer.get_weights())
        except Exception as error:
            raise ConversionError(
                f"Layer {self.layer.name!r} cannot be copied with its weights; does it "
                f"implement get_config and build? ({error})"
            ) from error
        return copy
