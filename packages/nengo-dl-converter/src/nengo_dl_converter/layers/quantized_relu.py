"""The quantized activation of few steps."""

from __future__ import annotations

from nengo.base import NengoObject

from ..few_steps.layer import QuantizedReLU
from ..few_steps.neurons import SpikingQuantizedReLU
from ..layer_converter import LayerConverter
from ..registry import registry


@registry.register(QuantizedReLU)
class ConvertQuantizedReLU(LayerConverter):
    """Convert `QuantizedReLU` to `SpikingQuantizedReLU` neurons.

    Their mean output in ``layer.levels`` steps of constant input is that of the layer.
    In training they compute rates without levels, and the threshold is not trained.
    """

    def convert(self, node_id: int) -> NengoObject:
        threshold = float(self.layer.threshold)
        output = self.add_nengo_obj(node_id, activation=SpikingQuantizedReLU(threshold))
        self.add_connection(node_id, output)
        return output
