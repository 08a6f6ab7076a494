"""A simple lower bound: how fast this machine could do what a run has to do.

In each step every weight is read once, whatever the number of inputs; what an input
keeps from step to step, as a voltage, is read and written; and products are computed
in full. At the speed of NumPy's copies of as much memory, and of its matrix products,
that takes the time given here, the longer of the two. Numbers are taken to have four
bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from time import perf_counter
from typing import Any

import numpy as np
from nengo.builder import operator, transforms

ITEM = np.dtype("float32").itemsize


def lower_bound(operators: list[Any], batch_size: int, n_steps: int) -> float | None:
    """Return what a run takes at least, by the speed of this machine.

    Parameters
    ----------
    operators : list of nengo.builder.Operator
        Operators of the built model.
    batch_size : int
        Number of inputs.
    n_steps : int
        Number of steps.

    Returns
    -------
    seconds : float or None
        None if operators other than Nengo's own take part, which may do anything.
    """
    if not all(type(op).__module__.startswith("nengo.builder.") for op in operators):
        return None
    weights, state = signal_sizes(operators)
    n_bytes = ITEM * (weights + 2 * batch_size * state)
    n_operations = batch_size * sum(map(n_operations_of, operators))
    return n_steps * max(
        n_bytes / copy_speed(n_bytes), n_operations / arithmetic_speed()
    )


def signal_sizes(operators: list[Any]) -> tuple[int, int]:
    """Count the numbers that a step has to read.

    Parameters
    ----------
    operators : list of nengo.builder.Operator
        Operators of the built model.

    Returns
    -------
    weights : int
        Numbers that stay as they are.
    state : int
        Numbers that a step changes for the next one.
    """
    read, kept, computed = (
        {signal.base for op in operators for signal in signals(op)}
        for signals in (attrgetter("reads"), _kept, attrgetter("sets"))
    )
    # Inputs of neurons, for example, are set to zero in each step, then added to.
    kept -= computed - {signal.base for op in operators for signal in _state(op)}
    return sum(map(_size, read - kept - computed)), sum(map(_size, kept))


def _state(op: Any) -> list[Any]:
    return list(op.state.values()) if hasattr(op, "state") else []


def _kept(op: Any) -> list[Any]:
    """Return what an operator keeps for the next step, or adds to."""
    if hasattr(op, "state"):
        return _state(op)  # of a synapse the output as well, which follows from it
    if type(op).__module__ == "nengo.builder.learning_rules":
        return []  # what is added to weights need not be kept
    return [*op.incs, *op.updates]


def _size(signal: Any) -> int:
    return len(signal.initial_value.data) if signal.sparse else signal.size


def _of_product(op: Any) -> int:
    return 2 * op.A.size * op.X.size // op.A.shape[-1]


def _of_sparse_product(op: Any) -> int:
    return 2 * _size(op.A)


def _of_convolution(op: Any) -> int:
    shape = op.conv.input_shape if op.is_transpose else op.conv.output_shape
    return 2 * op.W.size * int(np.prod(shape.spatial_shape))


PRODUCTS: dict[type, Callable[[Any], int]] = {
    operator.DotInc: _of_product,
    operator.SparseDotInc: _of_sparse_product,
    transforms.ConvInc: _of_convolution,
    transforms.ConvTransposeInc: _of_convolution,
}


def n_operations_of(op: Any) -> int:
    """Count the operations of an operator in a step.

    Parameters
    ----------
    op : nengo.builder.Operator
        The operator.

    Returns
    -------
    n_operations : int
        Multiplications and additions of a product; one for each number that any other
        operator writes, which is too few.
    """
    if type(op) in PRODUCTS:
        return PRODUCTS[type(op)](op)
    return sum(signal.size for signal in [*op.sets, *op.incs, *op.updates])


def copy_speed(n_bytes: int) -> float:
    """Measure how fast memory is read and written.

    Parameters
    ----------
    n_bytes : int
        How much is worked on: what fits a processor's cache is faster.

    Returns
    -------
    speed : float
        Bytes read and written in a second.
    """
    source = np.ones(min(max(n_bytes // 2, 2**16), 2**27), np.uint8)
    target = np.empty_like(source)
    return 2 * source.size / _shortest(lambda: np.copyto(target, source))


def arithmetic_speed(size: int = 512) -> float:
    """Measure how fast matrices are multiplied.

    Parameters
    ----------
    size : int
        Rows and columns of the matrices.

    Returns
    -------
    speed : float
        Multiplications and additions in a second.
    """
    matrix = np.ones((size, size), np.float32)
    return 2 * size**3 / _shortest(lambda: matrix @ matrix)


def _shortest(function: Callable[[], object], repetitions: int = 30) -> float:
    durations = []
    for _ in range(repetitions):
        start = perf_counter()
        function()
        durations.append(perf_counter() - start)
    return min(durations)
