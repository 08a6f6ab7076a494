"""Simplifications rewrite operators so that fewer and cheaper ones do the same.

Each is a function from operators to operators that changes nothing it is given, and
leaves the value of every probe at every step as it was.
"""

from ..protocols import Simplification
from .constant_copies import remove_constant_copies
from .copy_chains import remove_copy_chains
from .dead_operators import remove_dead_operators
from .identity_muls import remove_identity_muls
from .reset_incs import remove_reset_incs
from .unmodified_resets import remove_unmodified_resets
from .zero_incs import remove_zero_incs

default_simplifications: list[Simplification] = [
    remove_zero_incs,
    remove_unmodified_resets,
    remove_identity_muls,
    remove_constant_copies,
    remove_copy_chains,
    remove_reset_incs,
    remove_dead_operators,
]

__all__ = [
    "default_simplifications",
    "remove_constant_copies",
    "remove_copy_chains",
    "remove_dead_operators",
    "remove_identity_muls",
    "remove_reset_incs",
    "remove_unmodified_resets",
    "remove_zero_incs",
]
