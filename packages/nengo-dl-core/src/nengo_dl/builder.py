"""Building operators into TensorFlow."""

from nengo_dl_core.builder import (
    BuildConfig,
    Builder,
    NengoBuilder,
    NengoModel,
    OpBuilder,
)

__all__ = [
    "BuildConfig",
    "Builder",
    "NengoBuilder",
    "NengoModel",
    "OpBuilder",
]
