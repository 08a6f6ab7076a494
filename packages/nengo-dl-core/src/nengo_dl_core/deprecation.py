"""Warnings of names that have changed."""

from __future__ import annotations

import warnings


def warn_deprecated(name: str, instead: str, stacklevel: int = 3) -> None:
    """Warn whoever called the caller that something has another name now.

    Parameters
    ----------
    name : str
        The old name.
    instead : str
        What to write.
    stacklevel : int
        How many calls above this one the old name is written.
    """
    warnings.warn(
        f"{name} is deprecated, use {instead}",
        DeprecationWarning,
        stacklevel=stacklevel,
    )
