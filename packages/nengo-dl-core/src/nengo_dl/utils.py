"""Progress bars, and names of functions and objects."""

from nengo_dl_core.progress import NullProgressBar, ProgressBar, SubProgressBar

__all__ = [
    "NullProgressBar",
    "ProgressBar",
    "SubProgressBar",
]
