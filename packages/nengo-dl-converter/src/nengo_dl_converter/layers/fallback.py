"""Layers without native form."""

from __future__ import annotations

from nengo.base import NengoObject

from ..layer_converter import LayerConverter


class ConvertFallback(LayerConverter):
    """Convert any layer to a TensorNode, which runs in the NengoDL simulator alone."""

    def convert(self, node_id: int) -> NengoObject:
        """Add the TensorNode for one call."""
        raise NotImplementedError
