"""Builders of neuron types."""

from nengo_dl_core.builders.neurons.base import (
    GenericNeuronBuilder,
    SimNeuronsBuilder,
    TFNeuronBuilder,
)

__all__ = [
    "GenericNeuronBuilder",
    "SimNeuronsBuilder",
    "TFNeuronBuilder",
]
