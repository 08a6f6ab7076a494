"""Products with matrices of different shapes that are computed together.

Every group of operators costs time, in each step and, much more, when the loop is
traced and compiled. Where the matrices of products differ but little in shape, it costs
less to fill them up with zeros to one shape, so that one batched product does for all.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import NamedTuple

from nengo.builder.operator import DotInc, Operator

from nengo_dl_core import tuning
from nengo_dl_optimizer import DotSet, OperatorGraph

Shape = tuple[int, int]


def padded_products(graph: OperatorGraph) -> dict[Operator, int]:
    """Decide which products have their matrices filled up to one shape.

    Parameters
    ----------
    graph : OperatorGraph
        The operators of a step.

    Returns
    -------
    padded : dict of {nengo.builder.Operator: int}
        For products that are padded, a number which is the same for those that are
        padded to one shape.
    """
    kinds: dict[type[Operator], dict[Shape, list[Operator]]] = {}
    for op in graph:
        if _can_be_padded(op, graph):
            kinds.setdefault(type(op), {}).setdefault(op.A.shape, []).append(op)
    united = [run for by_shape in kinds.values() for run in _united(by_shape)]
    return {op: number for number, ops in enumerate(united) for op in ops}


def _can_be_padded(op: Operator, graph: OperatorGraph) -> bool:
    """Whether a product is a small matrix, which no rule changes, times a vector."""
    return (
        type(op) in (DotInc, DotSet)
        and op.A.ndim == 2
        and op.X.ndim == 1
        and 0 < op.A.size <= tuning.MAX_PADDED_SIZE
        and not graph.fact(op.A).minibatched
    )


class _Run(NamedTuple):
    """Products of similar shapes, which might become one.

    Attributes
    ----------
    shapes : tuple of (int, int)
        Their shapes.
    filled : tuple of int
        The shape that they are filled up to.
    n_products, n_rows, n_weights : int
        How many there are.
    """

    shapes: tuple[Shape, ...]
    filled: Shape
    n_products: int
    n_rows: int
    n_weights: int

    @classmethod
    def of(cls, shape: Shape, n_products: int) -> _Run:
        """Begin with products of one shape."""
        return cls(
            (shape,), shape, n_products, n_products * shape[0], n_products * prod(shape)
        )

    def and_also(self, other: _Run) -> _Run:
        """Add those of another run."""
        rows, columns = map(max, zip(self.filled, other.filled, strict=True))
        return _Run(
            self.shapes + other.shapes,
            (rows, columns),
            *(mine + its for mine, its in zip(self[2:], other[2:], strict=True)),
        )

    @property
    def pays(self) -> bool:
        """Whether padding these shapes costs less than a group for each of them."""
        rows, columns = self.filled
        n_rows = self.n_rows if _is_narrow(self.filled) else self.n_products * rows
        n_zeros = n_rows * columns - self.n_weights
        n_saved = len(self.shapes) - 1
        return (
            n_zeros <= self.n_weights * tuning.MAX_PADDING
            and n_zeros <= n_saved * tuning.ZEROS_OF_GROUP
        )


def _united(by_shape: dict[Shape, list[Operator]]) -> Iterable[list[Operator]]:
    """Unite products of similar shapes, as long as that costs less than it saves."""
    runs: list[_Run] = []
    for shape in sorted(by_shape, key=_similarity):
        run = _Run.of(shape, len(by_shape[shape]))
        if runs and _is_narrow(runs[-1].filled) == _is_narrow(shape):
            longer = runs[-1].and_also(run)
            if longer.pays:
                runs[-1] = longer
                continue
        runs.append(run)
    for run in runs:
        if len(run.shapes) >= tuning.MIN_PADDED_SHAPES:
            yield [op for shape in run.shapes for op in by_shape[shape]]


def _similarity(shape: Shape) -> tuple[bool, bool, int, int]:
    """Order shapes by their shorter side, so that those that follow fit together."""
    n_rows, n_columns = shape
    if _is_narrow(shape):
        return False, False, n_columns, n_rows
    return True, n_rows > n_columns, min(shape), max(shape)


def _is_narrow(shape: Shape) -> bool:
    """Whether a matrix has so few columns that its rows need not be filled up."""
    return shape[1] <= tuning.MAX_NARROW_COLUMNS
