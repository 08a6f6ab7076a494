"""Simulators that are installed, found as Nengo finds them."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any


def backends() -> dict[str, Any]:
    """Find the installed simulators.

    Returns
    -------
    backends : dict of str to importlib.metadata.EntryPoint
        For each name in the group ``nengo.backends`` (``"reference"`` is
        `nengo.Simulator`) an entry point whose ``load()`` returns the simulator class.
    """
    found = entry_points(group="nengo.backends")
    return {point.name: point for point in sorted(found, key=lambda point: point.name)}
