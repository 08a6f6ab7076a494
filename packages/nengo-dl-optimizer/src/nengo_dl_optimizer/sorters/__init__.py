"""Sorters order signals in memory, and operators within their groups."""

from .noop import noop_order_signals
from .order_signals import order_signals

__all__ = ["noop_order_signals", "order_signals"]
