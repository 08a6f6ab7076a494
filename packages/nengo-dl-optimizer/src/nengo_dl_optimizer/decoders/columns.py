"""Evaluates simple functions for all evaluation points at once.

A function of a point may be anything: one that also takes an array of points need not
mean the same by it, may count its calls, or draw random numbers. But many are an
expression like ``lambda x: [x[0] * x[1], np.sin(x[2])]``, and that can be seen in their
code. Such a function, given coordinates as rows of an array, computes for each column
what it computes for a point.

What may be in the code is listed here: coordinates, numbers, arithmetic, and functions
of NumPy from numbers to a number. There is no jump, no assignment but to local names,
and nothing that compares coordinates with each other or sums them up. If there is
anything else, as there may be in future versions of Python, the function is called
point by point.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Sequence
from inspect import CO_VARARGS, CO_VARKEYWORDS
from itertools import pairwise
from types import FunctionType
from typing import Any

import numpy as np

from .factors import Array

_HARMLESS = {
    *("CACHE", "CALL", "COPY_FREE_VARS", "NOP", "PRECALL", "PUSH_NULL", "RESUME"),
    *("BINARY_SUBSCR", "RETURN_VALUE", "UNARY_NEGATIVE"),
    *("LOAD_FAST", "LOAD_FAST_LOAD_FAST", "STORE_FAST", "STORE_FAST_LOAD_FAST"),
    *("LOAD_FAST_BORROW", "LOAD_FAST_BORROW_LOAD_FAST_BORROW", "LOAD_SMALL_INT"),
    "LOAD_DEREF",  # of what is checked to be a number
}
_ARITHMETIC = {"+", "-", "*", "/", "%", "//", "**", "[]"}


def on_columns(function: Callable[..., Any]) -> Callable[[Array], Array] | None:
    """Make a function of many points of a function of one, if that is safe.

    Parameters
    ----------
    function : callable
        A function of a point, ``(size,)``.

    Returns
    -------
    on_columns : callable or None
        From coordinates of points, ``(size, n_points)``, to values, ``(size_out,
        n_points)``, where a single row may stand for all. None if the function is not
        certain to mean the same.
    """
    if not _is_by_number(function) and not _is_expression(function):
        return None
    return lambda columns: _rows(function(columns), columns.shape[1])


def _rows(result: Any, n_points: int) -> Array:
    """Put the values that a function returns below each other."""
    values = result if isinstance(result, (list, tuple)) else [result]
    rows = [np.atleast_2d(value) for value in values]
    return np.concatenate([np.broadcast_to(x, (len(x), n_points)) for x in rows])


def _is_by_number(value: Any) -> bool:
    """Whether this is one of NumPy's functions from numbers to a number."""
    return (
        isinstance(value, np.ufunc)
        and value.signature is None
        and value.nout == 1
        and getattr(np, value.__name__, None) is value
    )


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) or isinstance(value, (np.floating, np.integer))


def _is_expression(function: Any) -> bool:
    """Whether a function is an expression of coordinates and numbers."""
    if not isinstance(function, FunctionType):
        return False
    code, defaults = function.__code__, function.__defaults__ or ()
    operations = [*dis.get_instructions(code)]
    return (
        code.co_argcount - len(defaults) == 1
        and code.co_kwonlyargcount == 0
        and not code.co_flags & (CO_VARARGS | CO_VARKEYWORDS)
        and all(map(_is_number, defaults))
        and all(_is_number(cell.cell_contents) for cell in function.__closure__ or ())
        and all(_is_harmless(x, y, function) for x, y in pairwise(operations))
        and _rounds_alike(operations)
    )


def _is_harmless(
    operation: dis.Instruction, next_one: dis.Instruction, function: FunctionType
) -> bool:
    """Whether an operation means the same for numbers and for rows of numbers."""
    name, value = operation.opname, operation.argval
    if name == "LOAD_CONST":
        return _is_number(value)
    if name == "LOAD_GLOBAL":
        found = function.__globals__.get(value)
        return found is np or _is_by_number(found) or _is_number(found)
    if name in ("LOAD_ATTR", "LOAD_METHOD"):
        found = getattr(np, value, None)
        return _is_by_number(found) or _is_number(found)
    if name == "BINARY_OP":
        return operation.argrepr in _ARITHMETIC
    if name in ("BUILD_LIST", "BUILD_TUPLE"):
        return next_one.opname == "RETURN_VALUE"
    return name in _HARMLESS


def _rounds_alike(operations: Sequence[dis.Instruction]) -> bool:
    """Whether there is no power of a coordinate, which NumPy rounds otherwise."""
    taken = {x.opname for x in operations} | {x.argrepr for x in operations}
    return "**" not in taken or not taken & {"BINARY_SUBSCR", "[]"}
