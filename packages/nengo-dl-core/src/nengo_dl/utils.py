"""Progress bars, and names of functions and objects."""

from nengo_dl_core.network.functions import align_func, function_name, sanitize_name
from nengo_dl_core.progress import NullProgressBar, ProgressBar, SubProgressBar

__all__ = [
    "NullProgressBar",
    "ProgressBar",
    "SubProgressBar",
    "align_func",
    "function_name",
    "sanitize_name",
]
