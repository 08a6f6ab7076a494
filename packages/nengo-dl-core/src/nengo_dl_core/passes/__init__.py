"""Core's own simplifications of operator graphs.

Imports the rooms `network` and `builders`.
"""

from nengo_dl_core.passes.factored_changes import factor_changes
from nengo_dl_core.passes.filter_state import remove_filter_state
from nengo_dl_optimizer import default_simplifications as _of_the_optimizer

default_simplifications = [
    remove_filter_state,
    factor_changes,
    *_of_the_optimizer,
]
"""All simplifications that are used where a network sets none, in their order."""

__all__ = ["default_simplifications", "factor_changes", "remove_filter_state"]
