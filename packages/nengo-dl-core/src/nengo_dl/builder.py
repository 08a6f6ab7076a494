"""Building operators into TensorFlow."""

from nengo_dl_core.builder import BuildConfig, Builder, OpBuilder
from nengo_dl_core.nengo_builder import NengoBuilder, NengoModel

__all__ = [
    "BuildConfig",
    "Builder",
    "NengoBuilder",
    "NengoModel",
    "OpBuilder",
]
