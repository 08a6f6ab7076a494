"""Builders of transforms."""

from nengo_dl_optimizer import ConvSet, ConvTransposeSet

__all__ = [
    "ConvSet",
    "ConvTransposeSet",
]
