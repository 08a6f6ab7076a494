"""Operators run one by one in Nengo's own order, and the same in groups."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from nengo.builder.operator import Operator
from nengo.builder.signal import Signal, SignalDict
from nengo.utils.graphs import toposort
from nengo.utils.simulator import operator_dependency_graph

from nengo_dl_optimizer import NumPyExecutor, OptimizedGraph

DT = 0.001
Values = list[list[np.ndarray]]


def _make_step(op: Operator, signals: Any) -> Any:
    """Make an operator's step, from random states of its own."""
    op = copy.copy(op)
    for name in ("state_extra", "fn"):
        if hasattr(op, name):
            setattr(op, name, copy.deepcopy(getattr(op, name)))
    return op.make_step(signals, DT, np.random.RandomState(0))


def run_plainly(
    operators: Iterable[Operator],
    probed: Sequence[Signal],
    n_steps: int,
    given: Mapping[Signal, np.ndarray] = MappingProxyType({}),
) -> Values:
    """Execute operators one by one, in Nengo's own order.

    Returns
    -------
    values : list of list of array
        The value of each probed signal after each step.
    """
    order = toposort(operator_dependency_graph(operators))
    signals = SignalDict()
    for op in order:
        op.init_signals(signals)
    for signal, value in given.items():
        for view in [other for other in signals if other.base is signal]:
            del signals[view]  # which may be of read-only memory; it is made anew
        dict.__setitem__(signals, signal, value.copy())
    for signal in probed:
        if signal.base not in signals:
            signals.init(signal.base)
    steps = [_make_step(op, signals) for op in order]
    values: Values = []
    for _ in range(n_steps):
        with np.errstate(all="ignore"):
            for step in steps:
                step()
        values.append([signals[signal].copy() for signal in probed])
    return values


def run_groups(
    optimized: OptimizedGraph,
    probed: Sequence[Signal],
    n_steps: int,
    given: Mapping[Signal, np.ndarray] = MappingProxyType({}),
) -> Values:
    """Execute operators group by group, by the package's own executor.

    Blocks that are not persistent are spoiled before every step.

    Returns
    -------
    values : list of list of array
        The value of each probed signal after each step.
    """
    executor = NumPyExecutor(optimized, dt=DT, invalid="ignore")
    memory, blocks = executor.memory, optimized.layout.blocks
    for signal, value in given.items():
        if signal in memory:
            memory[signal][...] = value
    spoiled = [b.index for b in blocks if b.written and not b.persistent]
    values: Values = []
    for _ in range(n_steps):
        for index in spoiled:
            memory.blocks[index].fill(-99)
        with np.errstate(all="ignore"):
            recorded = executor.run(1, probed)
        values.append([value for (value,) in recorded])
    return values
