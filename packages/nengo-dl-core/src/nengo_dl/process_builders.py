"""Builders of processes and synapses."""

from nengo_dl_core.builders.linear_filter import LinearFilterBuilder
from nengo_dl_core.builders.lowpass import LowpassBuilder
from nengo_dl_core.builders.process import GenericProcessBuilder, SimProcessBuilder

__all__ = [
    "GenericProcessBuilder",
    "LinearFilterBuilder",
    "LowpassBuilder",
    "SimProcessBuilder",
]
