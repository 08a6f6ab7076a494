"""The simulation as a Keras layer."""

from nengo_dl._former_tensor_graph import TensorGraph, mark_signals

__all__ = [
    "TensorGraph",
    "mark_signals",
]
