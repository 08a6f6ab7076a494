"""Products with matrices of different shapes that are computed together.

Every group of operators costs time, in each step and, much more, when the loop is
traced and compiled. Where the matrices of products differ but little in shape, it costs
less to fill them up with zeros to one shape, so that one batched product does for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

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


def _united(by_shape: dict[Shape, list[Operator]]) -> Iterable[list[Operator]]:
    """Unite products of similar shapes, as long as that costs less than it saves."""
    runs: list[list[Shape]] = []
    for shape in sorted(by_shape, key=_similarity):
        if runs and _pays([*runs[-1], shape], by_shape):
            runs[-1].append(shape)
        else:
            runs.append([shape])
    for run in runs:
        if len(run) >= tuning.MIN_PADDED_SHAPES:
            yield [op for shape in run for op in by_shape[shape]]


def _similarity(shape: Shape) -> tuple[bool, bool, int, int]:
    """Order shapes by their shorter side, so that those that follow fit together."""
    n_rows, n_columns = shape
    if _is_narrow(shape):
        return False, False, n_columns, n_rows
    return True, n_rows > n_columns, min(shape), max(shape)


def _is_narrow(shape: Shape) -> bool:
    """Whether a matrix has so few columns that its rows need not be filled up."""
    return shape[1] <= tuning.MAX_NARROW_COLUMNS


def _pays(shapes: Sequence[Shape], by_shape: dict[Shape, list[Operator]]) -> bool:
    """Whether padding these shapes costs less than a group for each of them."""
    if _is_narrow(shapes[0]) != _is_narrow(shapes[-1]):
        return False
    counts = {shape: len(by_shape[shape]) for shape in shapes}
    n_rows = sum(count * rows for (rows, _), count in counts.items())
    if not _is_narrow(shapes[0]):
        n_rows = sum(counts.values()) * max(rows for rows, _ in shapes)
    n_padded = n_rows * max(columns for _, columns in shapes)
    n_weights = sum(count * prod(shape) for shape, count in counts.items())
    n_zeros = n_padded - n_weights
    return (
        n_zeros <= n_weights * tuning.MAX_PADDING
        and n_zeros <= (len(shapes) - 1) * tuning.ZEROS_OF_GROUP
    )
