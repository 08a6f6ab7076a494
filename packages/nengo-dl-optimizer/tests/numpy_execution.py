"""Two ways to execute operators with NumPy: plainly, and in groups over blocks."""

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

from nengo_dl_optimizer import OptimizedGraph, View, sparse_entries

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
    """Execute operators group by group over blocks of memory.

    A group sees the memory as it was before the group began, and no signal lives
    anywhere but in the blocks. Blocks that are not persistent are spoiled before every
    step.

    Returns
    -------
    values : list of list of array
        The value of each probed signal after each step.
    """
    layout = optimized.layout
    memory = [block.initial_value().copy() for block in layout.blocks]
    for signal, value in given.items():
        if signal in layout:
            _scatter(layout.view(signal), memory, value)
    spoiled = [b.index for b in layout.blocks if b.written and not b.persistent]
    groups = [
        [_GroupMember(op, optimized, memory) for op in group]
        for group in optimized.plan
    ]
    values: Values = []
    for _ in range(n_steps):
        for index in spoiled:
            memory[index].fill(-99)
        for group in groups:
            for member in group:
                member.read()
            with np.errstate(all="ignore"):
                for member in group:
                    member.step()
            for member in group:
                member.write()
        values.append([_gather(layout.view(signal), memory) for signal in probed])
    return values


class _GroupMember:
    """An operator with private copies of its signals."""

    def __init__(
        self, op: Operator, optimized: OptimizedGraph, memory: list[np.ndarray]
    ) -> None:
        self._memory = memory
        self._views = {s: optimized.layout.view(s) for s in op.all_signals}
        self._arrays: dict[Signal, Any] = {}
        for signal, view in self._views.items():
            value = _gather(view, memory)
            self._arrays[signal] = _as_sparse(signal, value) if signal.sparse else value
        self._set = dict.fromkeys([*op.sets, *op.updates])
        self._added = dict.fromkeys(
            op.incs if type(op) in optimized.graph.shared_incs else ()
        )
        self._set.update(dict.fromkeys(s for s in op.incs if s not in self._added))
        self.step = _make_step(op, self._arrays)

    def read(self) -> None:
        for signal, view in self._views.items():
            if signal in self._added:
                self._arrays[signal][...] = 0
            elif not signal.sparse:
                self._arrays[signal][...] = _gather(view, self._memory)

    def write(self) -> None:
        for signal in self._set:
            _scatter(self._views[signal], self._memory, self._arrays[signal])
        for signal in self._added:
            old = _gather(self._views[signal], self._memory)
            _scatter(self._views[signal], self._memory, old + self._arrays[signal])


def _gather(view: View, memory: list[np.ndarray]) -> np.ndarray:
    pieces = [memory[view.block][start:stop] for start, stop in view.slices]
    return np.concatenate(pieces).reshape(view.shape)


def _scatter(view: View, memory: list[np.ndarray], value: np.ndarray) -> None:
    block = memory[view.block]
    rows = np.concatenate([np.arange(*piece) for piece in view.slices])
    block[rows] = value.reshape(len(rows), *block.shape[1:])


def _as_sparse(signal: Signal, data: np.ndarray) -> Any:
    from scipy.sparse import csr_matrix

    rows, columns = sparse_entries(signal)[0].T
    return csr_matrix((data, (rows, columns)), shape=signal.shape)
