"""Simplifications rewrite operators so that fewer and cheaper ones do the same.

Each is a function from operators to operators that changes nothing it is given, and
leaves the value of every probe at every step as it was.
"""

from ..types import Simplification
from .unmodified_resets import remove_unmodified_resets
from .zero_incs import remove_zero_incs

default_simplifications: list[Simplification] = [
    remove_unmodified_resets,
    remove_zero_incs,
]

__all__ = [
    "default_simplifications",
    "remove_unmodified_resets",
    "remove_zero_incs",
]
