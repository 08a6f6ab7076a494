"""Builders of transforms."""

from nengo_dl_core.builders.convolution import ConvIncBuilder
from nengo_dl_optimizer import ConvSet, ConvTransposeSet

__all__ = [
    "ConvIncBuilder",
    "ConvSet",
    "ConvTransposeSet",
]
