"""Products of matrices and vectors: `nengo.builder.operator.DotInc` and `DotSet`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby, pairwise
from typing import Any

import numpy as np

from ...operators import DotSet
from ..memory import Array, Memory, Step
from .makers import Group, alike, per_item, shapes
from .own_steps import own_steps


@per_item
def dot(group: Group, memory: Memory, dt: float) -> list[Step]:
    """Multiply matrices with vectors.

    Matrices of one vector that lie side by side are one larger matrix, and equally many
    of these are one batched product.
    """
    steps: list[Step] = []
    for ops in alike(group, shapes):
        first = ops[0]
        types = {memory.dtype(signal) for signal in first.all_signals}
        ndims = first.A.ndim, first.X.ndim
        if ndims not in ((0, 1), (1, 0), (1, 1), (2, 1), (2, 2)) or len(types) > 1:
            steps += own_steps(ops, memory, dt)
        else:
            in_memory = sorted(ops, key=lambda op: memory.start(op.A))
            parts = min(_parts(ops, memory), _parts(in_memory, memory), key=len)
            for part in parts:
                steps += _Product(part, memory).steps()
    return steps


def _parts(ops: Sequence[Any], memory: Memory) -> list[list[list[Any]]]:
    """Divide operators into parts that are one batched product each.

    A part has runs of operators with one vector, all as long. Its matrices lie one
    after the other in memory.
    """
    vectors = [list(run) for _, run in groupby(ops, lambda op: _place(op.X))]
    parts: list[list[list[Any]]] = []
    for run in vectors:
        for piece in _contiguous(run, memory):
            if (
                parts
                and len(piece) == len(parts[-1][0])
                and memory.is_contiguous([parts[-1][-1][-1].A, piece[0].A])
            ):
                parts[-1].append(piece)
            else:
                parts.append([piece])
    return parts


def _place(signal: Any) -> tuple[Any, ...]:
    return signal.base, signal.offset, signal.shape, signal.strides


def _contiguous(run: list[Any], memory: Memory) -> list[list[Any]]:
    """Divide operators where the matrix of one does not follow on that before."""
    pieces = [[run[0]]]
    for before, op in pairwise(run):
        if memory.is_contiguous([before.A, op.A]):
            pieces[-1].append(op)
        else:
            pieces.append([op])
    return pieces


class _Product:
    """The product of stacked matrices, each with a vector of its own.

    Parameters
    ----------
    runs : list of list of nengo.builder.operator.DotInc
        For each vector the operators that multiply it, equally many.
    memory : Memory
        One item's memory.
    """

    def __init__(self, runs: list[list[Any]], memory: Memory) -> None:
        ops = [op for run in runs for op in run]
        first = ops[0]
        self.sets = type(first) is DotSet
        n_columns = first.A.shape[-1] if first.A.ndim else 1
        n_rows = len(runs[0]) * first.A.size // max(n_columns, 1)
        if first.X.ndim == 0:  # the vector is a number, and each element is a row
            n_columns, n_rows = 1, len(runs[0]) * first.A.size
        n_vectors = first.X.size // max(n_columns, 1)
        if first.A.ndim == 0:
            n_rows, n_columns, n_vectors = len(runs[0]), 1, first.X.size
        self.a = memory.slot([op.A for op in ops])
        self.x = memory.slot([run[0].X for run in runs])
        self.y = memory.slot([op.Y for op in ops])
        self.matrices = self.a.shaped(len(runs), n_rows, n_columns)
        self.vectors = self.x.shaped(len(runs), n_columns, n_vectors)
        self.size = (len(runs), n_rows, n_vectors)

    def steps(self) -> list[Step]:
        """Return the steps that multiply."""
        load = [*self.a.load, *self.x.load]
        if self.sets and self.y.array.flags.c_contiguous:
            target, store = self.y.array, self.y.store
        elif self.sets:
            target = np.zeros(self.y.array.shape, self.y.array.dtype)
            store = self.y.scatter(target)
        else:
            target = np.zeros(self.y.array.shape, self.y.array.dtype)
            store = self.y.accumulate(target)
        return [*load, self._multiply(target.reshape(self.size)), *store]

    def _multiply(self, target: Array) -> Step:
        a, x = self.matrices, self.vectors
        n_runs, n_rows, n_vectors = self.size
        n_columns = a.shape[-1]
        if n_columns == 1:
            return partial(np.multiply, a, x, target)
        if n_vectors == 1 and n_rows == 1 and n_runs > 1:
            return partial(
                np.einsum, "kc,kc->k", a[:, 0], x[..., 0], out=target[:, 0, 0]
            )
        if n_runs > 1:
            return partial(np.matmul, a, x, target)
        if n_vectors == 1:
            return partial(np.dot, a[0], x[0, :, 0], target[0, :, 0])
        return partial(np.dot, a[0], x[0], target[0])
