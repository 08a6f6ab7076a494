"""Operations on two tensors that are no layers, such as ``x + y``."""

from __future__ import annotations

from typing import ClassVar

import keras
import numpy as np
from nengo.base import NengoObject

from ..keras_graph import operation_type
from ..registry import registry
from .merging import ConvertMerging


class ConvertArithmetic(ConvertMerging):
    """Base of the converters of operations on two tensors, or one and a constant."""

    signs: ClassVar[tuple[float, float]]

    def convert(self, node_id: int) -> NengoObject:
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


@registry.register(operation_type(keras.ops.add, 1.0))
class ConvertAddOperation(ConvertArithmetic):
    """Convert ``x + y``, which is `keras.ops.add`."""

    signs = (1.0, 1.0)


@registry.register(operation_type(keras.ops.subtract, 1.0))
class ConvertSubtractOperation(ConvertArithmetic):
    """Convert ``x - y``, which is `keras.ops.subtract`."""

    signs = (1.0, -1.0)
