"""Runs those operators in NumPy that call Python functions or draw random numbers.

They need the simulation's data and generators. All other operators need its memory
alone, and run by the optimizer's kernels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import Operator, SimPyFunc
from nengo.builder.processes import SimProcess

from nengo_dl_core.builders.delay import DelayBuilder
from nengo_dl_core.builders.lowpass import LowpassBuilder, filter_step
from nengo_dl_core.builders.process import GenericProcessBuilder, SimProcessBuilder
from nengo_dl_core.builders.pyfunc import checked_function
from nengo_dl_core.engine import numpy_learning
from nengo_dl_core.engine.executor import Data
from nengo_dl_core.network.delays import learned_delays
from nengo_dl_core.network.inputs import SimInput
from nengo_dl_core.synapses import delaying
from nengo_dl_core.values.session import Session
from nengo_dl_optimizer import (
    KernelMaker,
    Memory,
    PythonCall,
    Step,
    default_kernels,
    per_item,
)

Array = npt.NDArray[Any]
Group = Sequence[Any]


class Kernels:
    """Makes the steps of groups for one simulation.

    Parameters
    ----------
    session : Session
        The simulation.

    Attributes
    ----------
    data : dict of {nengo.Node: ndarray}
        Output of input Nodes in a run, ``(minibatch_size, n_steps, size_out)``.
    """

    def __init__(self, session: Session) -> None:
        self._dt = session.program.dt
        self._generators = session.generators
        self.data: Data = {}
        self._index, self._time = 0, 0.0

    @property
    def makers(self) -> Mapping[type[Operator], KernelMaker]:
        """What makes the steps of a group, by the type of its operators."""
        return {
            **numpy_learning.kernels,
            PythonCall: self.python_function,
            SimInput: self.node_input,
            SimNeurons: self.neurons,
            SimProcess: self.process,
            SimPyFunc: self.python_function,
        }

    def begin_step(self, first: int, index: int) -> None:
        """Prepare for a step.

        Parameters
        ----------
        first : int
            Number of the first step of a run.
        index : int
            Index of the step in the run.
        """
        self._index = index
        self._time = (first + index) * self._dt

    def python_function(self, group: Group, memory: Memory, dt: float) -> list[Step]:
        """Call Python functions, with a copy of what they read."""

        @per_item
        def make(group: Group, item: Memory, dt: float) -> list[Step]:
            return [self._call(op, item) for op in group]

        return list(make(group, memory, dt))

    def _call(self, op: SimPyFunc, item: Memory) -> Step:
        function = checked_function(op)
        x = None if op.x is None else item[op.x]
        output = None if op.output is None else item[op.output]

        def step() -> None:
            time = () if op.t is None else (self._time,)
            value = function(*time) if x is None else function(*time, x.copy())
            if output is not None:
                output[...] = value

        return step

    def node_input(self, group: Group, memory: Memory, dt: float) -> Iterable[Step]:
        """Evaluate input Nodes, or take the values that are given for them."""
        for op in group:
            yield self._evaluate(op, memory)

    def _evaluate(self, op: SimInput, memory: Memory) -> Step:
        source, output = op.source, memory[op.sets[0]]
        rows = output.reshape((-1, source.signal.size))
        checked = rows[np.newaxis]

        def step() -> None:
            given = self.data.get(source.node)
            if given is not None:
                rows[...] = given[:, self._index]
            else:
                source.fill(rows, self._time, self._generators)
                source.check_finite(checked)

        return step

    def neurons(self, group: Group, memory: Memory, dt: float) -> list[Step]:
        """Let neurons that have generators step one by one, and all others at once."""
        random = [op for op in group if op.state_extra]
        others = [op for op in group if not op.state_extra]
        steps = list(default_kernels[SimNeurons](others, memory, dt)) if others else []
        for op in random:
            for number, item in enumerate(memory.items):
                steps.append(self._random_neurons(op, item, number, dt))
        return steps

    def _random_neurons(
        self, op: SimNeurons, item: Memory, number: int, dt: float
    ) -> Step:
        state = {name: item[signal] for name, signal in op.state.items()}
        advance = partial(op.neurons.step, dt, item[op.J], item[op.output], **state)
        generators = self._generators.neurons[op]

        def step() -> None:
            advance(**generators.items[number])

        return step

    def process(self, group: Group, memory: Memory, dt: float) -> list[Step]:
        """Run filters at once, delays of all items, other processes one by one."""
        kinds = {op: SimProcessBuilder.builder_type(op) for op in group}
        first = [op for op, kind in kinds.items() if kind is LowpassBuilder]
        others = [op for op, kind in kinds.items() if kind is GenericProcessBuilder]
        delays = [op for op, kind in kinds.items() if kind is DelayBuilder]
        own = (LowpassBuilder, GenericProcessBuilder, DelayBuilder)
        left = [op for op, kind in kinds.items() if kind not in own]
        steps = list(default_kernels[SimProcess](left, memory, dt)) if left else []
        steps += _lowpass(first, memory, dt) if first else []
        steps += [_delay(op, memory) for op in delays]
        for op in others:
            for number, item in enumerate(memory.items):
                steps.append(self._run(op, item, number))
        return steps

    def _run(self, op: SimProcess, item: Memory, number: int) -> Step:
        x = None if op.input is None else item[op.input]
        output = item[op.output]
        states = {name: item[signal] for name, signal in op.state.items()}
        running = self._generators.processes[op]

        def step() -> None:
            function, own, _ = running.items[number]
            for name, value in states.items():
                own[name][...] = value
            args = () if x is None else (x.astype(np.float64),)
            value = function(self._time, *args)
            if op.mode == "inc":
                np.add(output, value, output, casting="same_kind")
            else:
                output[...] = value
            for name, value in states.items():
                value[...] = own[name]

        return step


def _lowpass(group: Group, memory: Memory, dt: float) -> list[Step]:
    """Compute filters of first order, whose state is their output."""
    steps = [filter_step(op, dt) for op in group]
    sizes = [op.output.size for op in group]
    x = memory.slot([op.input for op in group])
    y = memory.slot([op.output for op in group])
    a, b = (
        np.repeat([getattr(step, name) for step in steps], sizes).astype(y.array.dtype)
        for name in ("a", "b")
    )
    driven = np.zeros_like(y.array)
    return [
        *x.load,
        *y.load,
        partial(np.multiply, y.array, a, y.array),
        partial(np.multiply, x.array, b, driven),
        partial(np.add, y.array, driven, y.array),
        *y.store,
    ]


def _delay(op: SimProcess, memory: Memory) -> Step:
    """Delay the inputs of all items by the steps that are in force at present."""
    x, output, learned = memory[op.input], memory[op.output], learned_delays(op)
    steps = op.process.steps if learned is None else memory[learned]
    past = np.moveaxis(memory[op.state["past"]], -2, 0) if op.state else None
    delayed = delaying(steps, past)
    add = op.mode == "inc"

    def step() -> None:
        value = delayed(0.0, x)
        output[...] = output + value if add else value

    return step
