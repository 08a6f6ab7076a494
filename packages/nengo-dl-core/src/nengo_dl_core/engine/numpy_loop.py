"""Runs models in NumPy, by the optimizer's executor of plans.

Nothing that calls Python in a step is evaluated ahead: a Node may read what another one
has just changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial

import numpy as np
from nengo.builder.operator import Operator, TimeUpdate
from nengo.builder.signal import Signal

from nengo_dl_core.engine.executor import Array, Data
from nengo_dl_core.engine.input_values import input_values
from nengo_dl_core.engine.numpy_kernels import Kernels
from nengo_dl_core.network.inputs import NodeInput
from nengo_dl_core.private_names import is_profiling, profiled
from nengo_dl_core.values.session import Session
from nengo_dl_core.values.variable_access import read
from nengo_dl_optimizer import NumPyExecutor


class NumPyLoop:
    """Runs a simulation step by step in NumPy, and holds its state meanwhile.

    It is an `Executor`, and a `Cache` of the packed state.

    Parameters
    ----------
    session : Session
        The simulation; see `nengo_dl_core.engine.choice`.
    """

    max_steps = 1024

    def __init__(self, session: Session) -> None:
        program = session.program
        self._session = session
        self._kernels = Kernels(session)
        batch = program.minibatch_size
        self._executor = NumPyExecutor(
            program.optimized,
            dt=program.dt,
            n_items=batch if batch > 1 else None,
            float_type=program.float_type,
            kernels=self._kernels.makers,
            invalid="ignore",
        )
        memory = self._executor.memory
        self._states = [
            (memory.blocks[index].reshape((batch, -1)), array, columns)
            for index, (array, columns) in program.memory.places.items()
        ]
        self._parameters = [
            (memory.blocks[block.index], variable)
            for block, variable in session.variables.parameters
        ]
        layout = program.optimized.layout
        self._ahead = [
            source
            for source in program.inputs
            if program.evaluates_ahead(source) and source.signal in layout
        ]
        self._given: set[NodeInput] = set()
        self._clock = next(
            (
                memory[op.step]
                for op in program.optimized.graph
                if type(op) is TimeUpdate
            ),
            None,
        )

    def read_states(self) -> tuple[Array, ...]:
        """Return the packed state; see `Cache`."""
        packed: dict[int, list[Array]] = {}
        for block, array, _ in self._states:
            packed.setdefault(array, []).append(block)
        return tuple(np.concatenate(blocks, axis=1) for blocks in packed.values())

    def write_states(self, states: tuple[Array, ...]) -> None:
        """Take other values of the packed state; see `Cache`."""
        for block, array, columns in self._states:
            block[...] = states[array][:, columns]

    def run(self, steps: range, data: Data) -> list[Array]:
        """Simulate some steps; see `Executor.run`."""
        session = self._session
        if not session.lend(self) or session.is_open:
            for array, variable in self._parameters:
                array[...] = read(variable)
        self._kernels.data = data
        if self._clock is not None:
            self._clock[...] = steps.start - 1
        numbers = np.arange(steps.start, steps.stop)
        records = session.records.values()
        values = self._executor.run(
            len(steps),
            session.program.probed,
            self._inputs(steps, data),
            kept=[record.recorded(numbers) for record in records],
            trace=_trace if is_profiling() else None,
            on_step=partial(self._kernels.begin_step, steps.start),
        )
        session.n_steps = steps.stop - 1
        return [
            np.broadcast_to(
                value if len(record.item_shape) == value.ndim - 1 else value[:, None],
                (len(value), *record.item_shape),
            )
            for record, value in zip(records, values, strict=True)
        ]

    def _inputs(self, steps: range, data: Data) -> dict[Signal, Array]:
        """Collect the values of Nodes that no operator evaluates in its turn."""
        memory = self._executor.memory
        changing = []
        for source in self._ahead:
            if source.node in data or not source.constant:
                changing.append(source)
                self._given.add(source)
            elif source in self._given:
                memory[source.signal][...] = source.signal.initial_value
                self._given.remove(source)
        values = input_values(self._session, changing, steps, data)
        return {
            source.signal: values[source.node].reshape(
                (len(steps), *memory[source.signal].shape)
            )
            for source in changing
        }


def _trace(group: Sequence[Operator]) -> AbstractContextManager[object]:
    """Show the steps of a group in TensorFlow's profile, under the operators' type."""
    return profiled(type(group[0]).__name__)
