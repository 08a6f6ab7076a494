"""Distributions for initial weights."""

from nengo_dl_core.dists import Glorot, He, TruncatedNormal, VarianceScaling

__all__ = [
    "Glorot",
    "He",
    "TruncatedNormal",
    "VarianceScaling",
]
