"""Runs models that call Python in every step, in NumPy.

A call from TensorFlow's loop into Python takes as long as the reference simulator takes
for a whole step of a small network, and what calls Python cannot be compiled. So such a
model is simulated by the optimizer's executor of plans. Nothing in it is evaluated
ahead: a Node may read what another one has just changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial

import numpy as np
from nengo.builder import learning_rules
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import (
    Copy,
    DotInc,
    ElementwiseInc,
    Operator,
    Reset,
    SparseDotInc,
    TimeUpdate,
)
from nengo.builder.probe import SimProbe
from nengo.builder.signal import Signal
from nengo.builder.transforms import ConvInc, ConvTransposeInc

from nengo_dl_core.builders.base import OpBuilder
from nengo_dl_core.builders.delegating import ChosenBuilder
from nengo_dl_core.builders.linear_filter import LinearFilterBuilder
from nengo_dl_core.builders.lowpass import LowpassBuilder
from nengo_dl_core.builders.neurons.generic import GenericNeuronBuilder
from nengo_dl_core.builders.neurons.rates_to_spikes import RandomSpikingBuilder
from nengo_dl_core.builders.node_input import SimInputBuilder
from nengo_dl_core.builders.process import GenericProcessBuilder
from nengo_dl_core.builders.pyfunc import SimPyFuncBuilder
from nengo_dl_core.engine.executor import Array, Data
from nengo_dl_core.engine.numpy_kernels import Kernels
from nengo_dl_core.network.inputs import NodeInput
from nengo_dl_core.private_names import is_profiling, profiled
from nengo_dl_core.program.program import Program
from nengo_dl_core.values.session import Session
from nengo_dl_core.values.variable_access import read
from nengo_dl_optimizer import (
    ConvSet,
    ConvTransposeSet,
    DotSet,
    ElementwiseSet,
    NumPyExecutor,
    ResetInc,
    SparseDotSet,
)

# Operators for which the optimizer's kernels do what our builders do.
_OPERATORS = {
    *(Copy, Reset, ResetInc, DotInc, DotSet, ElementwiseInc, ElementwiseSet),
    *(SparseDotInc, SparseDotSet, ConvInc, ConvSet, ConvTransposeInc),
    *(ConvTransposeSet, SimNeurons, SimProbe, TimeUpdate),
    *(learning_rules.SimPES, learning_rules.SimBCM, learning_rules.SimOja),
    *(learning_rules.SimVoja, learning_rules.SimRLS),
}
# Builders whose operators run by `Kernels`.
_BUILDERS = (
    GenericNeuronBuilder,
    GenericProcessBuilder,
    LinearFilterBuilder,
    LowpassBuilder,
    SimInputBuilder,
    SimPyFuncBuilder,
)


def runs_in_numpy(program: Program) -> bool:
    """Decide whether NumPy runs a simulation, since it calls Python in every step.

    Parameters
    ----------
    program : Program
        What is simulated.

    Returns
    -------
    in_numpy : bool
        False if an operator can only run in TensorFlow, or if a setting is made that
        only TensorFlow's loop respects.
    """
    return (
        program.calls_python
        and program.float_type != "float16"
        and not program.setting("check_finite", False)
        and not program.setting("learning_phase", False)
        and all(map(_is_in_numpy, program.builder.op_builds.values()))
    )


def _is_in_numpy(build: OpBuilder) -> bool:
    """Whether the operators of a builder can run in NumPy."""
    chosen = build.built if isinstance(build, ChosenBuilder) else build
    if type(chosen) in _BUILDERS:
        return True
    (kind,) = {type(op) for op in build.ops}
    ours = type(chosen).__module__.startswith("nengo_dl_core.")
    return kind in _OPERATORS and ours and not isinstance(chosen, RandomSpikingBuilder)


class NumPyLoop:
    """Runs a simulation step by step in NumPy, and holds its state meanwhile.

    It is an `Executor`, and a `Cache` of the packed state.

    Parameters
    ----------
    session : Session
        The simulation, of a program for which `runs_in_numpy` is true.
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
        self._constants = [
            source
            for source in program.inputs
            if source.constant and source.signal in layout
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
            self._constant_inputs(len(steps), data),
            kept=[record.sampled(numbers) for record in records],
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

    def _constant_inputs(self, n_steps: int, data: Data) -> dict[Signal, Array]:
        """Collect the values of Nodes without function: those given, or their own."""
        inputs = {}
        for source in self._constants:
            array = self._executor.memory[source.signal]
            if source.node in data:
                rows = np.swapaxes(data[source.node], 0, 1)
                inputs[source.signal] = rows.reshape((n_steps, *array.shape))
                self._given.add(source)
            elif source in self._given:
                array[...] = source.signal.initial_value
                self._given.remove(source)
        return inputs


def _trace(group: Sequence[Operator]) -> AbstractContextManager[object]:
    """Show the steps of a group in TensorFlow's profile, under the operators' type."""
    return profiled(type(group[0]).__name__)
