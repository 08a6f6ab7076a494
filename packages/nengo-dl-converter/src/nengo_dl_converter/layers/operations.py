"""Operations that are no layers, such as ``x + y``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import keras
import numpy as np
from nengo.base import NengoObject

from ..keras_graph import OPERATIONS
from ..layer_converter import LayerConverter
from ..registry import registry
from .merging import ConvertMerging


class ConvertArithmetic(ConvertMerging):
    """Base of the converters of operations on two tensors, or one and a constant."""

    signs: ClassVar[tuple[float, float]]

    def convert(self, node_id: int) -> NengoObject:
        """Add the objects for one call."""
        output = self.add_nengo_obj(node_id)
        call = self.calls[node_id]
        n_tensors = 0
        for operand, sign in zip(
            (*call.args, *call.kwargs.values()), self.signs, strict=True
        ):
            if isinstance(operand, keras.KerasTensor):
                self.merge(node_id, n_tensors, output, sign)
                n_tensors += 1
            else:
                constant = sign * keras.ops.cast(operand, "float64").numpy()
                batch = (1,) * call.batch_axes
                shape = self.output_shape(node_id)
                whole = np.broadcast_to(constant, batch + shape)
                self.converter.populations.add_biases(
                    output, whole.reshape(shape), shape, trainable=False
                )
        return output


@registry.register(OPERATIONS["add"])
class ConvertAddOperation(ConvertArithmetic):
    """Convert ``x + y``, which is `keras.ops.add`."""

    signs = (1.0, 1.0)


@registry.register(OPERATIONS["subtract"])
class ConvertSubtractOperation(ConvertArithmetic):
    """Convert ``x - y``, which is `keras.ops.subtract`."""

    signs = (1.0, -1.0)


_FUNCTIONS: Mapping[type, Callable[..., Any]] = {
    OPERATIONS[name]: getattr(keras.activations, name)
    for name in ("relu", "relu6", "sigmoid", "tanh")
}


@registry.register(*_FUNCTIONS)
class ConvertFunction(LayerConverter):
    """Convert `keras.ops.relu` and other activation functions to neurons."""

    def convert(self, node_id: int) -> NengoObject:
        """Add the objects for one call."""
        activation = _FUNCTIONS[type(self.layer)]
        output = self.add_nengo_obj(node_id, activation=activation)
        self.add_connection(node_id, output)
        return output
