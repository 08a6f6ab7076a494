"""Progress bars, and names of functions and objects."""

from nengo_dl_core.progress import NullProgressBar, ProgressBar, SubProgressBar
from nengo_dl_core.python_functions import align_func, function_name, sanitize_name

__all__ = [
    "NullProgressBar",
    "ProgressBar",
    "SubProgressBar",
    "align_func",
    "function_name",
    "sanitize_name",
]
