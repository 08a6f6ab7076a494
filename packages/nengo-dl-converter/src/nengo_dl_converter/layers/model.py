"""Models, and models within models."""

from __future__ import annotations

from typing import Any

import keras
from nengo.base import NengoObject

from .. import keras_graph
from ..conversion import Conversion
from ..layer_converter import LayerConverter, one_or_list
from ..registry import registry


@registry.register(keras.Model)
class ConvertModel(LayerConverter):
    """Convert `keras.Model`, call by call of its layers."""

    def __init__(self, layer: Any, converter: Conversion) -> None:
        super().__init__(layer, converter)
        self.model = keras_graph.functional_form(layer)

    def convert(self, node_id: int) -> NengoObject | list[NengoObject]:
        """Convert the calls of the model's layers.

        Returns
        -------
        outputs : NengoObject or list of NengoObject
            One for each output of the model.
        """
        call = self.calls[node_id]
        # The model that is converted has its own tensors, and its inputs are made; a
        # model within is given its inputs and may be called again, with other tensors.
        values = dict(zip(self.model.inputs, call.inputs, strict=bool(call.inputs)))
        for inner in keras_graph.calls(self.model):
            if values.keys() >= set(inner.outputs):
                continue
            outputs = self.converter.convert_call(
                inner.layer,
                *inner.arguments(values),
                outputs=None if call.inputs else inner.outputs,
                batch_axes=call.batch_axes,
            )
            values.update(zip(inner.outputs, outputs, strict=True))
        layers = self.converter.layers
        return one_or_list([layers[values[tensor]] for tensor in self.model.outputs])


@registry.register(keras.Sequential)
class ConvertSequential(ConvertModel):
    """Convert `keras.Sequential`, as the functional model that it is."""

    def __init__(self, seq_model: keras.Sequential, converter: Conversion) -> None:
        super().__init__(seq_model, converter)
