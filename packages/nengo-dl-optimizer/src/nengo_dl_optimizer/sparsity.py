"""The entries of sparse signals in one order."""

from __future__ import annotations

from typing import Any

import numpy as np
from nengo.builder.signal import Signal
from nengo.transforms import SparseMatrix
from numpy.typing import NDArray


def sparse_entries(signal: Signal) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return the stored entries of a sparse signal.

    Parameters
    ----------
    signal : Signal
        A sparse signal: its initial value is a `nengo.transforms.SparseMatrix` or a
        SciPy sparse matrix.

    Returns
    -------
    indices : (nnz, 2) array of int
        Row and column of each entry. A position may come up more than once; its value
        is the sum of its entries.
    data : (nnz,) array
        Value of each entry, in the order of a `Block` that holds the signal.
    """
    value = signal.initial_value
    if isinstance(value, SparseMatrix):
        return np.asarray(value.indices), np.asarray(value.data)
    entries = value.tocoo()
    indices = np.stack([entries.row, entries.col], axis=1).astype(np.int64)
    return indices, entries.data
