"""The simulation as a Keras layer."""

from nengo_dl_core.former_names import mark_signals
from nengo_dl_core.training.tensor_graph import TensorGraph

__all__ = [
    "TensorGraph",
    "mark_signals",
]
