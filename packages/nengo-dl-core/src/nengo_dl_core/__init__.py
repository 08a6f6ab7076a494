"""Simulate Nengo networks with TensorFlow.

TensorFlow is loaded when what needs it is first used: networks are described without.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nengo_dl_core import dists
from nengo_dl_core.network.config import configure_settings
from nengo_dl_core.network.lookup import get_setting
from nengo_dl_core.network.quantization import quantize_model
from nengo_dl_core.neurons import LeakyReLU, SoftLIFRate, SpikingLeakyReLU
from nengo_dl_core.quantization import Quantization
from nengo_dl_core.synapses import Delay

if TYPE_CHECKING:
    from nengo_dl_core import callbacks, losses, surrogates
    from nengo_dl_core.builders.base import BuildConfig, OpBuilder
    from nengo_dl_core.builders.builder import Builder
    from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder, TFNeuronBuilder
    from nengo_dl_core.builders.numerics import rounded_product, stored
    from nengo_dl_core.builders.process import SimProcessBuilder
    from nengo_dl_core.builders.signals import SignalDict
    from nengo_dl_core.layer import Layer
    from nengo_dl_core.metrics.devices import DEVICES, Device
    from nengo_dl_core.metrics.measurement import measure
    from nengo_dl_core.metrics.results import (
        ConnectionMetrics,
        NetworkMetrics,
        NeuronMetrics,
    )
    from nengo_dl_core.simulator import Simulator
    from nengo_dl_core.sweeps.sweep import sweep
    from nengo_dl_core.tensor_node import TensorNode

__all__ = [
    "DEVICES",
    "BuildConfig",
    "Builder",
    "ConnectionMetrics",
    "Delay",
    "Device",
    "Layer",
    "LeakyReLU",
    "NetworkMetrics",
    "NeuronMetrics",
    "OpBuilder",
    "Quantization",
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
    "measure",
    "quantize_model",
    "rounded_product",
    "stored",
    "surrogates",
    "sweep",
]

# The modules of names that need TensorFlow.
_MODULES = {
    "DEVICES": "metrics.devices",
    "BuildConfig": "builders.base",
    "Builder": "builders.builder",
    "ConnectionMetrics": "metrics.results",
    "Device": "metrics.devices",
    "Layer": "layer",
    "NetworkMetrics": "metrics.results",
    "NeuronMetrics": "metrics.results",
    "OpBuilder": "builders.base",
    "SignalDict": "builders.signals",
    "SimNeuronsBuilder": "builders.neurons.base",
    "SimProcessBuilder": "builders.process",
    "Simulator": "simulator",
    "TFNeuronBuilder": "builders.neurons.base",
    "TensorNode": "tensor_node",
    "callbacks": "callbacks",
    "losses": "losses",
    "measure": "metrics.measurement",
    "rounded_product": "builders.numerics",
    "stored": "builders.numerics",
    "surrogates": "surrogates",
    "sweep": "sweeps.sweep",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Import what needs TensorFlow, with all builders, at the first use of any."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import_module(f"{__name__}.simulator")
        module = import_module(f"{__name__}.{_MODULES[name]}")
        value = globals()[name] = getattr(module, name, module)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
