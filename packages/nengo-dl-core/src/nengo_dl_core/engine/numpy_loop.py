"""Running models that call Python in every step, by the operators' own NumPy steps.

A call from TensorFlow's loop into Python takes as long as the reference simulator takes
for a whole step of a small network, and what calls Python cannot be compiled. So a
single input of such a model is simulated by the simplified operators themselves. While
the loop runs, arrays hold what TensorFlow's variables hold between two runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from nengo.builder import learning_rules
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import (
    Copy,
    DotInc,
    ElementwiseInc,
    Reset,
)
from nengo.builder.probe import SimProbe
from nengo.builder.signal import Signal
from nengo.builder.transforms import ConvInc, ConvTransposeInc
from tensorflow.python.profiler import trace

from nengo_dl_core.builders.base import OpBuilder
from nengo_dl_core.builders.delegating import ChosenBuilder
from nengo_dl_core.builders.linear_filter import LinearFilterBuilder
from nengo_dl_core.builders.lowpass import LowpassBuilder, filter_step
from nengo_dl_core.builders.neurons.generic import GenericNeuronBuilder
from nengo_dl_core.builders.neurons.rates_to_spikes import RandomSpikingBuilder
from nengo_dl_core.builders.process import GenericProcessBuilder
from nengo_dl_core.builders.pyfunc import SimPyFuncBuilder
from nengo_dl_core.builders.time import TimeUpdateBuilder
from nengo_dl_core.engine.variables import assign, read
from nengo_dl_core.network.config import get_setting
from nengo_dl_core.network.names import free_name
from nengo_dl_core.training.tensor_graph import TensorGraph
from nengo_dl_core.values.probe_data import ProbeData
from nengo_dl_optimizer import (
    ConvSet,
    ConvTransposeSet,
    DotSet,
    ElementwiseSet,
    ResetInc,
)

Array = npt.NDArray[Any]
Step = Callable[[], object]

# Operators that do in their ``make_step`` what our builder for them does.
_SELF_CONTAINED = {
    *(Copy, Reset, ResetInc, DotInc, DotSet, ElementwiseInc, ElementwiseSet),
    *(ConvInc, ConvSet, ConvTransposeInc, ConvTransposeSet, SimNeurons, SimProbe),
    *(learning_rules.SimPES, learning_rules.SimBCM, learning_rules.SimOja),
    *(learning_rules.SimVoja, learning_rules.SimRLS),
}


def runs_in_numpy(graph: TensorGraph) -> bool:
    """Whether a simulation calls Python in every step, and can run in Python whole.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.

    Returns
    -------
    in_numpy : bool
        False for minibatches, for operators of which only the TensorFlow build is known
        to be right, and where something is set that only TensorFlow's loop does.
    """
    return (
        bool(graph.op_builder.in_python())
        and graph.minibatch_size == 1
        and graph.float_type != "float16"
        and not get_setting(graph.model, "check_finite", False)
        and not get_setting(graph.model, "learning_phase", False)
        and all(
            _is_in_numpy(_implementation(build))
            for build in graph.op_builder.op_builds.values()
        )
    )


def _implementation(build: OpBuilder) -> OpBuilder:
    return build.built if isinstance(build, ChosenBuilder) else build


def _is_in_numpy(build: OpBuilder) -> bool:
    """Whether the operators of a builder can run in Python."""
    if type(build) in _STEPS:
        return True
    (kind,) = {type(op) for op in build.ops}
    ours = type(build).__module__.startswith("nengo_dl_core.")
    is_random = isinstance(build, RandomSpikingBuilder)
    return kind in _SELF_CONTAINED and ours and not is_random


class NumPyLoop:
    """Runs a simulation of a single input, step by step.

    Parameters
    ----------
    graph : TensorGraph
        The simulation, for which `runs_in_numpy` is true.
    probes : list of ProbeData
        Tell which steps are recorded.
    """

    def __init__(self, graph: TensorGraph, probes: Sequence[ProbeData]) -> None:
        self._graph = graph
        self._probes = probes
        self._number, self._time = 0, 0.0
        self._states = [np.array(variable.numpy()) for variable in graph.states]
        self._blocks = {
            index: self._states[array][0, columns]
            for index, (array, columns) in graph.memory.places.items()
        }
        self._parameters = []
        for block, variable in graph.parameters:
            self._blocks[block.index] = np.array(variable.numpy()).reshape(-1)
            self._parameters.append((self._blocks[block.index], variable))
        self._arrays: dict[Signal, Array] = {}
        graph.op_builder.prepared = True  # from now on its state in Python counts
        self._steps: list[tuple[str, Step]] = []
        names: set[str] = set()
        for group, build in graph.op_builder.op_builds.items():
            name = free_name(type(group[0]).__name__, names)
            names.add(name)
            steps = self._make_steps(_implementation(build))
            self._steps += [(name, step) for step in steps]
        current = graph.optimized.graph.current
        stops = np.cumsum([source.signal.size for source in graph.node_inputs])
        self._inputs = [
            (self[current(source.signal)], slice(stop - source.signal.size, stop))
            for source, stop in zip(graph.node_inputs, stops.tolist(), strict=True)
            if source.signal in graph.optimized.layout
        ]
        self._probed = [self[current(sig)] for sig in graph.probed]

    def __getitem__(self, signal: Signal) -> Array:
        """The array of a signal, or the part of one that a view stands for."""
        if signal in self._arrays:
            return self._arrays[signal]
        if signal.is_view:
            base = self[signal.base]
            array = np.ndarray(
                signal.shape,
                base.dtype,
                base,
                signal.elemoffset * base.itemsize,
                tuple(stride * base.itemsize for stride in signal.elemstrides),
            )
        else:
            array = self._base_array(signal)
        self._arrays[signal] = array
        return array

    def _base_array(self, signal: Signal) -> Array:
        layout, memory = self._graph.optimized.layout, self._graph.memory
        view = layout.view(signal)
        block = layout.blocks[view.block]
        if block.index not in self._blocks:
            self._blocks[block.index] = np.array(memory.initial_value(block)).ravel()
        ((start, stop),) = view.slices or ((0, 0),)
        width = int(np.prod(block.shape[1:]))
        rows = self._blocks[block.index][start * width : stop * width]
        return rows.reshape(signal.shape)

    def run(self, steps: range, inputs: Array) -> list[Array]:
        """Run some steps.

        Parameters
        ----------
        steps : range
            Their numbers.
        inputs : ndarray
            Values of all input Nodes, side by side, ``(n_steps, 1, size)``.

        Returns
        -------
        values : list of ndarray
            What each probe records, ``(n_samples, 1, ...)``.
        """
        self._load()
        dt = self._graph.signals.dt
        numbers = np.arange(steps.start, steps.stop)
        recorded = [probe.sampled(numbers) for probe in self._probes]
        values = [
            np.empty((int(kept.sum()), 1, *array.shape), array.dtype)
            for kept, array in zip(recorded, self._probed, strict=True)
        ]
        probes = list(
            zip(
                map(iter, values),
                self._probed,
                [kept.tolist() for kept in recorded],
                strict=True,
            )
        )
        profiling = _profiling()
        steps_of_operators = [
            _traced(name, step) if profiling else step for name, step in self._steps
        ]
        rows = [(array, inputs[:, 0, columns]) for array, columns in self._inputs]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for index, number in enumerate(steps):
                self._number, self._time = number, number * dt
                for array, given in rows:
                    array[...] = given[index]
                for step in steps_of_operators:
                    step()
                for slots, array, kept in probes:
                    if kept[index]:
                        next(slots)[0] = array
        self._store(steps.stop - 1)
        return values

    def _load(self) -> None:
        """Fill the arrays from the variables."""
        graph = self._graph
        for array, variable in self._parameters:
            array[...] = read(variable).reshape(-1)
        for packed, variable in zip(self._states, graph.states, strict=True):
            packed[...] = read(variable)
        for build in graph.op_builder.op_builds.values():
            _begin(_implementation(build), graph)

    def _store(self, n_steps: int) -> None:
        """Write the state back to the variables."""
        for packed, variable in zip(self._states, self._graph.states, strict=True):
            assign(variable, packed)
        assign(self._graph.step, np.array(n_steps, np.int64))

    def _make_steps(self, build: OpBuilder) -> Iterator[Step]:
        """Make the functions that compute a step of a builder's operators."""
        make = _STEPS.get(type(build), NumPyLoop._own_step)
        for index, op in enumerate(build.ops):
            if not isinstance(op, SimProbe):
                yield make(self, build, index)

    def _own_step(self, build: OpBuilder, index: int) -> Step:
        rng = np.random.RandomState(0)  # not drawn from
        step: Step = build.ops[index].make_step(self, self._graph.signals.dt, rng)
        return step

    def _time_step(self, build: TimeUpdateBuilder, index: int) -> Step:
        op = build.ops[index]
        number, time = self[op.step], self[op.time]

        def step() -> None:
            number[...], time[...] = self._number, self._time

        return step

    def _function_step(self, build: SimPyFuncBuilder, index: int) -> Step:
        op, function = build.ops[index], build.functions[index]
        x = None if op.x is None else self[op.x]
        output = None if op.output is None else self[op.output]

        def step() -> None:
            time = () if op.t is None else (self._time,)
            value = function(*time) if x is None else function(*time, x.copy())
            if output is not None:
                output[...] = value

        return step

    def _neuron_step(self, build: GenericNeuronBuilder, index: int) -> Step:
        op = build.ops[index]
        dt, current, output = self._graph.signals.dt, self[op.J], self[op.output]
        state = {name: self[sig] for name, sig in op.state.items()}

        def step() -> None:
            op.neurons.step(dt, current, output, **state, **build.extras[0][index])

        return step

    def _process_step(self, build: GenericProcessBuilder, index: int) -> Step:
        op = build.ops[index]
        x = None if op.input is None else self[op.input]
        output = self[op.output]
        states = {name: self[sig] for name, sig in op.state.items()}

        def step() -> None:
            function, own, _ = build.items[index][0]
            for name, value in states.items():
                own[name][...] = value
            args = () if x is None else (x.astype(np.float64),)
            value = function(self._time, *args)
            if op.mode == "inc":
                output[...] += value
            else:
                output[...] = value
            for name, value in states.items():
                value[...] = own[name]

        return step

    def _lowpass_step(self, build: LowpassBuilder, index: int) -> Step:
        op = build.ops[index]
        coefficients = filter_step(op, self._graph.signals.dt)
        a, b = coefficients.a, coefficients.b
        x, output = self[op.input], self[op.output]

        def step() -> None:
            output[...] = a * output + b * x

        return step


# Builders of operators that need more than their own step.
_STEPS: dict[type[OpBuilder], Callable[[NumPyLoop, Any, int], Step]] = {
    GenericNeuronBuilder: NumPyLoop._neuron_step,
    GenericProcessBuilder: NumPyLoop._process_step,
    LinearFilterBuilder: NumPyLoop._own_step,
    LowpassBuilder: NumPyLoop._lowpass_step,
    SimPyFuncBuilder: NumPyLoop._function_step,
    TimeUpdateBuilder: NumPyLoop._time_step,
}


def _profiling() -> bool:
    """Whether TensorFlow's profiler is at work; if not, tracing is a waste of time."""
    enabled = trace.enabled  # a function since TensorFlow 2.21
    return bool(enabled() if callable(enabled) else enabled)


def _traced(name: str, step: Step) -> Step:
    """Show a step in TensorFlow's profile, under the name of its group."""

    def traced() -> None:
        with trace.Trace(name):
            step()

    return traced


def _begin(build: OpBuilder, graph: TensorGraph) -> None:
    """Make what a builder keeps in Python, if there is none."""
    if isinstance(build, GenericNeuronBuilder) and not build.extras:
        build.build_post(graph.signals)
    elif isinstance(build, GenericProcessBuilder) and not build.items:
        build.begin(graph.signals.dt, graph.seeds.rngs)
