"""The simulation as a Keras layer."""

from nengo_dl_core.tensor_graph import TensorGraph

__all__ = [
    "TensorGraph",
]
