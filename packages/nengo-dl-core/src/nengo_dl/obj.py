"""Objectives of earlier releases; deprecated."""

from typing import Any

from nengo_dl._former_simulator import mse as _mse
from nengo_dl_core.deprecation import warn_deprecated

__all__ = ["mse"]  # noqa: F822


def __getattr__(name: str) -> Any:
    """Warn whoever looks the objective up."""
    if name != "mse":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warn_deprecated(
        "nengo_dl.obj.mse", 'nengo_dl.losses.nan_mse or "mse" in Simulator.compile'
    )
    return _mse
