"""Inputs that are the same in all frameworks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

ACTIVE = 0.1


def spikes(
    batch_size: int, n_steps: int, size: int
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Make spikes: a tenth of the elements is one, the others are zero.

    Parameters
    ----------
    batch_size, n_steps, size : int
        Number of inputs, of their steps and of elements.

    Returns
    -------
    spikes : (batch_size, n_steps, size) array
    """
    rng = np.random.default_rng(0)
    values: npt.NDArray[np.float32] = rng.random(
        (batch_size, n_steps, size), dtype=np.float32
    )
    return (values < ACTIVE).astype(np.float32)
