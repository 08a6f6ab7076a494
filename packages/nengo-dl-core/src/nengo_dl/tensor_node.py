"""TensorFlow code inside a Nengo network."""

from nengo_dl_core import Layer, TensorNode
from nengo_dl_core.builders.tensor_node import SimTensorNodeBuilder
from nengo_dl_core.tensor_node import SimTensorNode, build_tensor_node

__all__ = [
    "Layer",
    "SimTensorNode",
    "SimTensorNodeBuilder",
    "TensorNode",
    "build_tensor_node",
]
