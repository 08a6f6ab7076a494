"""Sorters order signals in memory, and operators within their groups."""

from .hamming import hamming_sort
from .noop import noop_order_signals
from .order_signals import order_signals
from .rearrangement import sort_ops_by_signals, sort_signals_by_ops

__all__ = [
    "hamming_sort",
    "noop_order_signals",
    "order_signals",
    "sort_ops_by_signals",
    "sort_signals_by_ops",
]
