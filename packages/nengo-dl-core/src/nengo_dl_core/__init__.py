"""Simulate Nengo networks with TensorFlow."""

from nengo_dl_core import dists
from nengo_dl_core.layer import Layer
from nengo_dl_core.network.config import configure_settings, get_setting
from nengo_dl_core.neurons import LeakyReLU, SoftLIFRate, SpikingLeakyReLU
from nengo_dl_core.simulator import Simulator
from nengo_dl_core.tensor_node import TensorNode
from nengo_dl_core.training import callbacks, losses

__all__ = [
    "Layer",
    "LeakyReLU",
    "Simulator",
    "SoftLIFRate",
    "SpikingLeakyReLU",
    "TensorNode",
    "callbacks",
    "configure_settings",
    "dists",
    "get_setting",
    "losses",
]
