"""Which signals carry a value from one step to the next.

A signal that is written anew in every step before anything reads it is no state: a
backend need not keep it. All others must survive the step: those that are updated,
incremented without being set first, set only in part, or set by an operator that also
looks at the old value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import Copy, Operator, Reset, SimPyFunc, TimeUpdate
from nengo.builder.processes import SimProcess
from nengo.builder.signal import Signal

from .extents import elements, is_whole
from .operators import (
    ConvSet,
    ConvTransposeSet,
    DotSet,
    ElementwiseSet,
    SparseDotSet,
)
from .python_calls import PythonCall


def _first(op: Operator) -> Iterable[int]:
    return (0,)


def _copy(op: Copy) -> Iterable[int]:
    return (0,) if op.dst_slice is None else ()


def _process(op: SimProcess) -> Iterable[int]:
    return (0,) if op.mode == "set" else ()


def _time(op: TimeUpdate) -> Iterable[int]:
    return (1,)  # the step counter in slot 0 is counted up from its old value


_OVERWRITES: dict[type[Operator], Callable[..., Iterable[int]]] = {
    ConvSet: _first,
    ConvTransposeSet: _first,
    Copy: _copy,
    DotSet: _first,
    ElementwiseSet: _first,
    PythonCall: _first,
    Reset: _first,
    SimNeurons: _first,
    SimProcess: _process,
    SimPyFunc: _first,
    SparseDotSet: _first,
    TimeUpdate: _time,
}


def overwritten(op: Operator) -> list[Signal]:
    """Signals that an operator sets without looking at their old value.

    An operator type that is not Nengo's own states this about itself by an attribute
    ``overwrites``: the indices of such signals in its ``sets``. Where nothing is
    stated, nothing is assumed.

    Parameters
    ----------
    op : Operator
        Any operator.

    Returns
    -------
    signals : list of Signal
        Some, all or none of ``op.sets``.
    """
    rule = _OVERWRITES.get(type(op))
    indices = getattr(op, "overwrites", ()) if rule is None else rule(op)
    return [op.sets[i] for i in indices if i < len(op.sets)]


def is_persistent(
    base: Signal,
    sets: Sequence[Operator],
    incs: Sequence[Operator],
    updates: Sequence[Operator],
) -> bool:
    """Whether the value of a base signal must survive a step.

    Parameters
    ----------
    base : Signal
        The base signal in question.
    sets, incs, updates : sequence of Operator
        The operators that write it (or views of it) in each way.
    """
    if updates:
        return True
    if not sets:
        return bool(incs)
    views = [s for op in sets for s in overwritten(op) if s.base is base]
    if len(views) < sum(s.base is base for op in sets for s in op.sets):
        return True
    if any(is_whole(view) for view in views):
        return False
    covered = np.zeros(base.size, dtype=bool)
    for view in views:
        covered[elements(view)] = True
    return not covered.all()
