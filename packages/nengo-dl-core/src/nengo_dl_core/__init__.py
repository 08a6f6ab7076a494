"""Simulate Nengo networks with TensorFlow."""

from nengo_dl_core.config import configure_settings, get_setting
from nengo_dl_core.simulator import Simulator

__all__ = ["Simulator", "configure_settings", "get_setting"]
