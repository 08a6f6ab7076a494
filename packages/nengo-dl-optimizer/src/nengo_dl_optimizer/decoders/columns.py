"""Evaluates simple functions for all evaluation points at once.

A function of a point may be anything: one that also takes an array of points need not
mean the same by it, may count its calls, or draw random numbers. But many are an
expression like ``lambda x: [x[0] * x[1], np.sin(x[2])]``, and that can be seen in their
code. Such a function, given coordinates as rows of an array, computes for each column
what it computes for a point.

What may be in the code is listed here: coordinates, numbers, arithmetic, comparisons,
and functions of NumPy from numbers to a number. There is no loop, no assignment but to
local names, and nothing that sums coordinates up. If there is anything else, as there
may be in future versions of Python, the function is called point by point.

A function that chooses, like ``lambda x: 0 if x < 0.5 else 2 * x``, is evaluated once
for all points that go the same way: where an array is asked whether it is true, its
points are divided.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Sequence
from inspect import CO_VARARGS, CO_VARKEYWORDS, getattr_static
from itertools import pairwise
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from .factors import Array

_HARMLESS = {
    *("CACHE", "CALL", "COPY_FREE_VARS", "NOP", "PRECALL", "PUSH_NULL", "RESUME"),
    *("BINARY_SUBSCR", "RETURN_VALUE", "UNARY_NEGATIVE"),
    *("LOAD_FAST", "LOAD_FAST_LOAD_FAST", "STORE_FAST", "STORE_FAST_LOAD_FAST"),
    *("LOAD_FAST_BORROW", "LOAD_FAST_BORROW_LOAD_FAST_BORROW", "LOAD_SMALL_INT"),
    "LOAD_DEREF",  # of what is checked to be a number
    *("COMPARE_OP", "UNARY_NOT", "TO_BOOL", "COPY", "SWAP", "POP_TOP"),
    *("JUMP_FORWARD", "POP_JUMP_IF_TRUE", "POP_JUMP_IF_FALSE", "NOT_TAKEN"),
    *("POP_JUMP_FORWARD_IF_TRUE", "POP_JUMP_FORWARD_IF_FALSE"),
    *("JUMP_IF_TRUE_OR_POP", "JUMP_IF_FALSE_OR_POP"),
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
    return lambda columns: _evaluate(function, columns)


class _Divided(Exception):
    """Some columns are to go one way, and some the other."""


class _Rows(np.ndarray[Any, Any]):
    """Rows of numbers, each column a point."""

    def __bool__(self) -> bool:
        true = np.asarray(self).reshape(self.shape[-1]) != 0
        if true.all() or not true.any():
            return bool(true[0])
        raise _Divided(true)


def _evaluate(function: Callable[..., Any], columns: Array) -> Array:
    """Evaluate a function for columns, in parts where they go different ways."""
    try:
        return _below_each_other(function(columns.view(_Rows)), columns.shape[1])
    except _Divided as division:
        (true,) = division.args
    parts = [_evaluate(function, columns[:, way]) for way in (true, ~true)]
    values = np.empty((max(map(len, parts)), len(true)))
    for way, part in zip((true, ~true), parts, strict=True):
        values[:, way] = part
    return values


def _below_each_other(result: Any, n_points: int) -> Array:
    """Put the values that a function returns into rows."""
    values = result if isinstance(result, (list, tuple)) else [result]
    rows = [np.atleast_2d(np.asarray(value)) for value in values]
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
    owner = function.__self__ if isinstance(function, MethodType) else None
    if owner is not None:
        function = function.__func__
    if not isinstance(function, FunctionType):
        return False
    code, defaults = function.__code__, function.__defaults__ or ()
    operations = [*dis.get_instructions(code)]
    if owner is not None:
        operations = _without_numbers_of(owner, code.co_varnames[:1], operations)
    return (
        bool(operations)
        and code.co_argcount - len(defaults) - (owner is not None) == 1
        and code.co_kwonlyargcount == 0
        and not code.co_flags & (CO_VARARGS | CO_VARKEYWORDS)
        and all(map(_is_number, defaults))
        and all(_is_number(cell.cell_contents) for cell in function.__closure__ or ())
        and all(_is_harmless(x, y, function) for x, y in pairwise(operations))
        and _rounds_alike(operations)
    )


def _without_numbers_of(
    owner: Any, name: tuple[str, ...], operations: Sequence[dis.Instruction]
) -> list[dis.Instruction]:
    """Leave out where a class method reads numbers of its class.

    Parameters
    ----------
    owner : object
        The class.
    name : tuple of str
        What the method calls it.
    operations : list of dis.Instruction
        The code of the method.

    Returns
    -------
    operations : list of dis.Instruction
        The rest of the code; nothing if the class is used otherwise.
    """
    if type(owner) is not type:
        return []
    rest, number_follows = [], False
    for operation in operations:
        value = operation.argval
        if number_follows:
            number = getattr_static(owner, value, None) if value else None
            if operation.opname != "LOAD_ATTR" or not _is_number(number):
                return []
            number_follows = False
        elif operation.opname.partition("_")[2].startswith("FAST"):
            names = value if isinstance(value, tuple) else (value,)
            number_follows = names[-1:] == name
            if name[0] in names[:-1]:
                return []
            if not number_follows or names[:-1]:
                rest.append(operation)
        else:
            rest.append(operation)
    return rest


def _is_harmless(
    operation: dis.Instruction, next_one: dis.Instruction, function: FunctionType
) -> bool:
    """Whether an operation means the same for numbers and for rows of numbers."""
    name, value = operation.opname, operation.argval
    if name in ("LOAD_CONST", "RETURN_CONST"):
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
