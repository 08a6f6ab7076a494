"""Evaluates input Nodes for which no data is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ClassVar

import nengo
import numpy as np
import numpy.typing as npt
from nengo.builder import Model
from nengo.builder.operator import Operator, SimPyFunc
from nengo.builder.processes import SimProcess
from nengo.builder.signal import Signal

from nengo_dl_core.network.functions import vector_func
from nengo_dl_core.network.generators import Generators
from nengo_dl_optimizer import PythonCall, turns

Array = npt.NDArray[Any]


class NodeInput:
    """The constant output of an input Node for which no data is given.

    Parameters
    ----------
    node : nengo.Node
        A Node without input.
    signal : nengo.builder.Signal
        The signal of its output.
    """

    constant: ClassVar[bool] = True

    def __init__(self, node: nengo.Node, signal: Signal) -> None:
        self.node = node
        self.signal = signal

    def fill(self, row: Array, time: float, generators: Generators) -> None:
        """Compute the output of the next step.

        Parameters
        ----------
        row : ndarray
            Receives the output, of shape ``(minibatch_size, size_out)``.
        time : float
            Simulation time in seconds.
        generators : Generators
            The processes of the simulation.

        Raises
        ------
        nengo.exceptions.SimulationError
            If the Node's function does not return ``size_out`` numbers.
        """
        row[:] = self.signal.initial_value

    def check_finite(self, values: Array) -> None:
        """Check the outputs of consecutive steps.

        Parameters
        ----------
        values : ndarray
            The outputs, ``(n_steps, minibatch_size, size_out)``.

        Raises
        ------
        nengo.exceptions.SimulationError
            If a function has returned a value that is not finite.
        """


class FunctionInput(NodeInput):
    """The output of a Node that is a function of time.

    Parameters
    ----------
    node : nengo.Node
        The Node.
    signal : nengo.builder.Signal
        The signal of its output.
    op : nengo.builder.operator.SimPyFunc
        The operator that Nengo built for it.
    """

    constant = False

    def __init__(self, node: nengo.Node, signal: Signal, op: SimPyFunc) -> None:
        super().__init__(node, signal)
        self.function = op.fn

    def fill(self, row: Array, time: float, generators: Generators) -> None:
        """Call the function; see `NodeInput.fill`."""
        value = self.function(time)
        try:
            if value is None:
                raise TypeError("NumPy would take it for NaN")
            row[0] = value  # a minibatch has no values of its own for its items
            row[1:] = row[0]
        except (TypeError, ValueError):
            row[:] = self._checked(value, row.shape[1])

    def check_finite(self, values: Array) -> None:
        """Check what the function has returned; see `NodeInput.check_finite`."""
        finite = np.isfinite(values).all(axis=(1, 2))
        if not finite.all():
            self._checked(values[~finite][0, 0], values.shape[2])

    def _checked(self, value: Any, size: int) -> Array:
        """Return the function's result as an array; raise if it does not fit."""

        @wraps(self.function, updated=())
        def returned() -> Any:
            return value

        return vector_func(returned, size, self.node)()


class ProcessInput(NodeInput):
    """The output of a Node that is a process.

    Parameters
    ----------
    node : nengo.Node
        The Node.
    signal : nengo.builder.Signal
        The signal of its output.
    op : nengo.builder.processes.SimProcess
        The operator that Nengo built for it.
    """

    constant = False

    def __init__(self, node: nengo.Node, signal: Signal, op: SimProcess) -> None:
        super().__init__(node, signal)
        self.op = op

    def fill(self, row: Array, time: float, generators: Generators) -> None:
        """Call the step functions; see `NodeInput.fill`."""
        for values, item in zip(row, generators.processes[self.op].items, strict=True):
            values[:] = item.step(time)


_INPUT_TYPES: dict[type[Operator] | None, Callable[..., NodeInput]] = {
    None: lambda node, signal, op: NodeInput(node, signal),
    SimPyFunc: FunctionInput,
    SimProcess: ProcessInput,
}


class SimInput(Operator):
    """Evaluates an input Node within a step, in the order of the reference simulator.

    A Node may read what another one has just changed, so that none of them can be
    evaluated ahead of the step.

    Parameters
    ----------
    source : NodeInput
        The Node.
    turn : int
        Its turn among the operators of the model; see
        `nengo_dl_optimizer.PythonCall`.

    Notes
    -----
    1. sets ``[source.signal]``
    2. incs ``[]``
    3. reads ``[]``
    4. updates ``[]``
    """

    overwrites = (0,)

    def __init__(self, source: NodeInput, turn: int) -> None:
        super().__init__(tag=str(source.node))
        self.source = source
        self.turn = turn
        self.sets: list[Signal] = [source.signal]
        self.incs: list[Signal] = []
        self.reads: list[Signal] = []
        self.updates: list[Signal] = []


def evaluate(
    inputs: Sequence[NodeInput],
    steps: range,
    dt: float,
    minibatch_size: int,
    generators: Generators,
) -> dict[nengo.Node, Array]:
    """Compute the outputs of input Nodes for some steps.

    Their functions are called in the order in which the reference simulator would call
    them, step by step, since they may share Python objects.

    Parameters
    ----------
    inputs : list of NodeInput
        The Nodes.
    steps : range
        The numbers of the steps; the first one of a simulation is 1.
    dt : float
        Length of a step, in seconds.
    minibatch_size : int
        Number of items in a minibatch.
    generators : Generators
        The processes of the simulation, which go on.

    Returns
    -------
    values : dict of {nengo.Node: ndarray}
        For each Node its output, ``(n_steps, minibatch_size, size_out)``.
    """
    values = {
        source.node: np.broadcast_to(source.signal.initial_value, shape)
        if source.constant
        else np.empty(shape)
        for source in inputs
        for shape in [(len(steps), minibatch_size, source.signal.size)]
    }
    changing = [(x, values[x.node]) for x in inputs if not x.constant]
    if changing:
        for row, step in enumerate(steps):
            for source, value in changing:
                source.fill(value[row], step * dt, generators)
    for source, value in changing:
        source.check_finite(value)
    return values


def split_inputs(
    model: Model, operators: Sequence[Operator]
) -> tuple[dict[NodeInput, Operator | None], list[Operator]]:
    """Separate the Nodes that only put values in from what has to be simulated.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.
    operators : list of nengo.builder.Operator
        Its operators.

    Returns
    -------
    inputs : dict of {NodeInput: nengo.builder.Operator or None}
        The Nodes without input, in the order of ``Network.all_nodes``, and the operator
        that Nengo built for each, if there is one.
    operators : list of nengo.builder.Operator
        All operators but those of these Nodes.
    """
    if model.toplevel is None:
        return {}, list(operators)
    nodes = {
        model.sig[node]["out"]: node
        for node in model.toplevel.all_nodes
        if node.size_in == 0 and node.size_out > 0 and _is_built_as_node(model, node)
    }
    own: dict[Signal, Operator] = {}
    others = []
    for op in operators:
        output = op.output if isinstance(op, (SimPyFunc, SimProcess)) else None
        if output in nodes:
            own[output] = op
        else:
            others.append(op)
    inputs: dict[NodeInput, Operator | None] = {}
    for signal, node in nodes.items():
        op = own.get(signal)
        kind = None if op is None else type(op)
        inputs[_INPUT_TYPES[kind](node, signal, op)] = op
    return inputs, others


def _is_built_as_node(model: Model, node: nengo.Node) -> bool:
    """Whether a Node, of a subclass perhaps, has no build function of its own."""
    kinds = type(node).__mro__
    return next(x for x in kinds if x in model.builder.builders) is nengo.Node


def evaluated_in_turn(
    model: Model, inputs: Mapping[NodeInput, Operator | None]
) -> list[Operator]:
    """Replace operators, so that Nodes are called in the order of the reference.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.
    inputs : dict of {NodeInput: nengo.builder.Operator or None}
        What `split_inputs` returned.

    Returns
    -------
    operators : list of nengo.builder.Operator
        All operators of the model, with others in place of Python functions and of
        input Nodes that are not constant.
    """
    turn = turns(model.operators)
    own = {
        op: SimInput(source, turn[op])
        for source, op in inputs.items()
        if op is not None
    }
    return [
        own.get(op) or (PythonCall(op, turn[op]) if type(op) is SimPyFunc else op)
        for op in model.operators
    ]
