"""Losses and regularisation."""

from nengo_dl_core.losses import Regularize, nan_mse

__all__ = [
    "Regularize",
    "nan_mse",
]
