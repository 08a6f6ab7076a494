"""Signals in TensorFlow."""

from nengo_dl_core.signals import SignalDict, TensorSignal

__all__ = [
    "SignalDict",
    "TensorSignal",
]
