"""Builders of neuron types."""

from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder, TFNeuronBuilder
from nengo_dl_core.builders.neurons.generic import GenericNeuronBuilder
from nengo_dl_core.builders.neurons.lif import (
    LIFBuilder,
    LIFRateBuilder,
    SoftLIFRateBuilder,
)
from nengo_dl_core.builders.neurons.rates_to_spikes import (
    PoissonSpikingBuilder,
    RegularSpikingBuilder,
    StochasticSpikingBuilder,
)
from nengo_dl_core.builders.neurons.rectified import (
    RectifiedLinearBuilder,
    SpikingRectifiedLinearBuilder,
)
from nengo_dl_core.builders.neurons.sigmoid import SigmoidBuilder
from nengo_dl_core.builders.neurons.tanh import TanhBuilder

__all__ = [
    "GenericNeuronBuilder",
    "LIFBuilder",
    "LIFRateBuilder",
    "PoissonSpikingBuilder",
    "RectifiedLinearBuilder",
    "RegularSpikingBuilder",
    "SigmoidBuilder",
    "SimNeuronsBuilder",
    "SoftLIFRateBuilder",
    "SpikingRectifiedLinearBuilder",
    "StochasticSpikingBuilder",
    "TFNeuronBuilder",
    "TanhBuilder",
]
