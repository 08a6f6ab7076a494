"""Simulate Nengo networks with TensorFlow."""

from nengo_dl_core import dists, surrogates
from nengo_dl_core.builders.base import BuildConfig, Builder, OpBuilder
from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder, TFNeuronBuilder
from nengo_dl_core.builders.numerics import rounded_product, stored
from nengo_dl_core.builders.process import SimProcessBuilder
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.layer import Layer
from nengo_dl_core.network.config import configure_settings
from nengo_dl_core.network.lookup import get_setting
from nengo_dl_core.neurons import LeakyReLU, SoftLIFRate, SpikingLeakyReLU
from nengo_dl_core.simulator import Simulator
from nengo_dl_core.tensor_node import TensorNode
from nengo_dl_core.training import callbacks, losses

__all__ = [
    "BuildConfig",
    "Builder",
    "Layer",
    "LeakyReLU",
    "OpBuilder",
    "SignalDict",
    "SimNeuronsBuilder",
    "SimProcessBuilder",
    "Simulator",
    "SoftLIFRate",
    "SpikingLeakyReLU",
    "TFNeuronBuilder",
    "TensorNode",
    "callbacks",
    "configure_settings",
    "dists",
    "get_setting",
    "losses",
    "rounded_product",
    "stored",
    "surrogates",
]
