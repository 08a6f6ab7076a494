"""Linear filters: `nengo.builder.processes.SimProcess` of a `nengo.LinearFilter`."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import partial
from typing import Any

import numpy as np
from nengo.builder.processes import SimProcess
from nengo.synapses import LinearFilter

from ..memory import Array, Memory, Slot, Step
from .makers import Group, alike

_FIRST_ORDER = (LinearFilter.OneX, LinearFilter.OneXScalar)


Forms = Mapping[SimProcess, Any]


def is_linear_filter(op: SimProcess) -> bool:
    """Whether a process is a linear filter that steps in one of Nengo's own forms.

    Parameters
    ----------
    op : SimProcess
        The operator of the process.
    """
    process = op.process
    return (
        isinstance(process, LinearFilter)
        and type(process).make_step is LinearFilter.make_step
    )


def filter_forms(group: Group, dt: float) -> Forms:
    """Find the linear filters among processes.

    Parameters
    ----------
    group : sequence of SimProcess
        Operators of processes.
    dt : float
        The length of a step, in seconds.

    Returns
    -------
    forms : dict
        For each operator of a filter Nengo's own step, which knows the discrete
        coefficients.
    """
    forms: dict[SimProcess, Any] = {}
    made: dict[Hashable, Any] = {}
    for op in filter(is_linear_filter, group):
        key = id(op.process), op.input.shape
        if key not in made:
            made[key] = _form(op, dt)
        forms[op] = made[key]
    return forms


def _form(op: SimProcess, dt: float) -> Any:
    shape = op.input.shape
    state = {name: signal.initial_value for name, signal in op.state.items()}
    return op.process.make_step(shape, shape, dt, None, state)


def linear_filter(forms: Forms, memory: Memory) -> list[Step]:
    """Filter, with coefficients that may differ from one operator to the next.

    Parameters
    ----------
    forms : dict
        What `filter_forms` has found.
    memory : Memory
        The memory of the signals.
    """
    kinds = {
        op: "first order" if type(form) in _FIRST_ORDER else type(form)
        for op, form in forms.items()
    }
    steps: list[Step] = []
    for ops in alike(list(forms), lambda op: (kinds[op], forms[op].A.shape, op.mode)):
        filters = [forms[op] for op in ops]
        x = memory.slot([op.input for op in ops])
        y = memory.slot([op.output for op in ops])
        steps += x.load
        if kinds[ops[0]] == "first order":
            state = memory.slot([op.state["X"] for op in ops])
            steps += [*state.load, *_first_order(filters, ops, x, state), *state.store]
            result = state.array
        elif kinds[ops[0]] is LinearFilter.NoX:
            result = np.zeros_like(x.array)
            gain = _repeated([form.d for form in filters], ops, x.array)
            steps.append(partial(np.multiply, x.array, gain, result))
        else:
            more, result = _higher_order(filters, ops, x, memory)
            steps += more
        steps += y.accumulate(result) if ops[0].mode == "inc" else y.scatter(result)
    return steps


def _repeated(values: list[float], ops: list[Any], like: Array) -> Array:
    """Return a number for each element of the operators' inputs, or for all one."""
    if len(set(values)) == 1:
        return np.asarray(values[0], like.dtype)
    return np.repeat(values, [op.input.size for op in ops]).astype(like.dtype)


def _first_order(
    filters: list[Any], ops: list[Any], x: Slot, state: Slot
) -> list[Step]:
    """Return the steps of ``X = a X + b u``."""
    a = _repeated([form.a for form in filters], ops, x.array)
    b = _repeated([form.b for form in filters], ops, x.array)
    scaled = np.zeros_like(x.array)
    return [
        partial(np.multiply, state.array, a, state.array),
        partial(np.multiply, x.array, b, scaled),
        partial(np.add, state.array, scaled, state.array),
    ]


def _higher_order(
    filters: list[Any], ops: list[Any], x: Slot, memory: Memory
) -> tuple[list[Step], Array]:
    """Return the steps of ``X = A X + B u`` and the result, ``y = C X + D u``.

    With ``D`` the result comes of the old state, without it of the new one.
    """
    sizes = {op.input.size for op in ops}
    assert len(sizes) == 1, "states of one group have rows of one shape"
    n, size = len(ops), sizes.pop()
    order = len(filters[0].A)
    state = memory.slot([op.state["X"] for op in ops])
    values = state.shaped(n, order, size)
    u = x.shaped(n, 1, size)
    dtype = x.array.dtype
    A, B, C = (
        np.stack(
            [getattr(form, name).reshape(rows, columns) for form in filters]
        ).astype(dtype)
        for name, rows, columns in (
            ("A", order, order),
            ("B", order, 1),
            ("C", 1, order),
        )
    )
    advanced, driven = np.zeros_like(values), np.zeros_like(values)
    result = np.zeros((*values.shape[:-2], 1, size), dtype)
    advance: list[Step] = [
        partial(np.matmul, A, values, advanced),
        partial(np.multiply, B, u, driven),
        partial(np.add, advanced, driven, values),
    ]
    observe: list[Step] = [partial(np.matmul, C, values, result)]
    flat = result.reshape(*result.shape[:-3], -1)
    if isinstance(filters[0], LinearFilter.General):
        D = np.stack([form.D.reshape(1, 1) for form in filters]).astype(dtype)
        passed = np.zeros_like(result)
        observe += [
            partial(np.multiply, D, u, passed),
            partial(np.add, result, passed, result),
        ]
        return [*state.load, *observe, *advance, *state.store], flat
    return [*state.load, *advance, *observe, *state.store], flat
