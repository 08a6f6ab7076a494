"""Signals in TensorFlow."""

from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.builders.tensor_signal import TensorSignal

__all__ = [
    "SignalDict",
    "TensorSignal",
]
