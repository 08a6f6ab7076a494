"""Sparse matrices: `nengo.builder.operator.SparseDotInc` and `SparseDotSet`."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ...operators import SparseDotSet
from ...sparsity import sparse_entries
from ..memory import Memory, Step
from .makers import Group
from .own_steps import own_steps


def sparse_dot(group: Group, memory: Memory, dt: float) -> list[Step]:
    """Multiply all of a group's entries at once, and sum them up row by row."""
    plain: list[Any] = []
    others: list[Any] = []
    for op in group:
        types = {memory.dtype(signal) for signal in op.all_signals}
        (plain if op.X.ndim == 1 and len(types) == 1 else others).append(op)
    steps = list(own_steps(others, memory, dt))
    return [*steps, *_product(plain, memory)] if plain else steps


def _product(ops: list[Any], memory: Memory) -> list[Step]:
    rows, columns, n_rows, n_columns = [], [], 0, 0
    for op in ops:
        indices = sparse_entries(op.A)[0]
        rows.append(indices[:, 0] + n_rows)
        columns.append(indices[:, 1] + n_columns)
        n_rows += op.A.shape[0]
        n_columns += op.A.shape[1]
    row, column = np.concatenate(rows), np.concatenate(columns)
    by_row = np.argsort(row, kind="stable")
    entries = memory.elements([op.A for op in ops], by_row)
    factors = memory.elements([op.X for op in ops], column[by_row])
    filled, starts = np.unique(row[by_row], return_index=True)
    y = memory.elements([op.Y for op in ops], filled)
    shape = np.broadcast_shapes(entries.array.shape, factors.array.shape)
    products = np.zeros(shape, y.array.dtype)
    sums = np.zeros((*shape[:-1], len(filled)), y.array.dtype)
    steps: list[Step] = []
    if type(ops[0]) is SparseDotSet:
        whole = memory.slot([op.Y for op in ops])
        steps += whole.scatter(np.zeros((), whole.array.dtype))
    if len(filled) == 0:
        return steps
    return [
        *steps,
        *entries.load,
        *factors.load,
        partial(np.multiply, entries.array, factors.array, products),
        partial(np.add.reduceat, products, starts, -1, None, sums),
        *y.accumulate(sums),
    ]
