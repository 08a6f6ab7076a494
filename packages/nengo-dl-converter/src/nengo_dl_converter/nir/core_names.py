"""What this room uses of the simulator, in one place."""

from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder, TFNeuronBuilder
from nengo_dl_core.builders.numerics import rounded_product, stored
from nengo_dl_core.builders.process import SimProcessBuilder
from nengo_dl_core.builders.signals import SignalDict

__all__ = [
    "BuildConfig",
    "OpBuilder",
    "SignalDict",
    "SimNeuronsBuilder",
    "SimProcessBuilder",
    "TFNeuronBuilder",
    "rounded_product",
    "stored",
]
