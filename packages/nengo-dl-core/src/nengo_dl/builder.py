"""Building operators into TensorFlow."""

from nengo_dl_core import BuildConfig, Builder, OpBuilder
from nengo_dl_core.network.build import NengoBuilder, NengoModel

__all__ = [
    "BuildConfig",
    "Builder",
    "NengoBuilder",
    "NengoModel",
    "OpBuilder",
]
