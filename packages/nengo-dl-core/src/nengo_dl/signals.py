"""Signals in TensorFlow."""

from nengo_dl_core.signals import SignalDict
from nengo_dl_core.tensor_signal import TensorSignal

__all__ = [
    "SignalDict",
    "TensorSignal",
]
