"""Keeps Python's garbage collection from visiting all objects again in every build."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# A build collects thoroughly first if there is so much more memory in use than after
# the last time. Blocks of memory are counted, as to count objects takes as long as to
# visit them: 20 ms, of the 100 ms in which a small network is built. What a small
# simulation leaves is a hundredth of all blocks, but on it hangs what was compiled.
_MANY = 0.1

# So few objects have been put aside by Python itself, where there are any: in version
# 3.12 they are 375.
_OF_PYTHON = 1000

# How many times as many objects as usual a build makes between two collections.
_RARELY = 50


class _Collection:
    """Lets old objects be visited before a build, and not in it.

    A build makes so many objects that Python visits all that there are again, most of
    which are TensorFlow's: 0.2 s each time. They are put aside while something is
    built, and what is new, which is hardly ever garbage, is visited less often. What
    earlier builds have left behind is collected before the next one, if it is much.
    """

    def __init__(self) -> None:
        self._blocks = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        if gc.get_freeze_count() > _OF_PYTHON:  # by another build, or for good
            yield
            return
        blocks = sys.getallocatedblocks()
        if not self._blocks or blocks < self._blocks:
            self._blocks = blocks
        elif blocks - self._blocks > _MANY * self._blocks:
            gc.collect()
            self._blocks = sys.getallocatedblocks()
        first, *others = gc.get_threshold()
        gc.set_threshold(_RARELY * first, *others)
        gc.freeze()
        try:
            yield
        finally:
            gc.unfreeze()
            gc.set_threshold(first, *others)


only_new_garbage = _Collection()
