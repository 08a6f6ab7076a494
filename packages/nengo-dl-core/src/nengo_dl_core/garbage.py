"""Garbage collection where little becomes garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collecting_new_garbage_only() -> Iterator[None]:
    """Let Python's garbage collector visit only objects that are made meanwhile.

    Graphs of operators are made of many small objects, which cause collections, and
    each of the thorough ones visits all that TensorFlow has imported. Measured: 0.26 s
    instead of 0.45 s for the graph of the basal ganglia (4,500 operators).
    """
    if gc.get_freeze_count():  # somebody else does without the older ones
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
