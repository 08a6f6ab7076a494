"""The values of input Nodes, evaluated ahead of the simulation in whole arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from nengo_dl_core.network.process_seeds import ProcessSeeds

Array = npt.NDArray[Any]


class NodeInput:
    """What an input Node puts out if no data is given for it: a constant.

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

    def reset(self, seeds: ProcessSeeds, dt: float) -> None:
        """Begin anew, as at the start of a simulation.

        Parameters
        ----------
        seeds : ProcessSeeds
            Hands out random number generators.
        dt : float
            Length of a step, in seconds.
        """

    def fill(self, row: Array, time: float) -> None:
        """Compute the output of the next step.

        Parameters
        ----------
        row : ndarray
            Receives the output, of shape ``(minibatch_size, size_out)``.
        time : float
            Simulation time in seconds.

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

    def state(self) -> Any:
        """What `restore` needs to continue from here."""

    def restore(self, saved: Any) -> None:
        """Continue from an earlier `state`.

        Parameters
        ----------
        saved : object
            What `state` returned.
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

    def fill(self, row: Array, time: float) -> None:
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
        """What the function has returned, or an error that says what is wrong."""

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
        self._steps: list[Callable[[float], Any]] = []
        self._states: list[dict[str, Array]] = []
        self._rngs: list[np.random.RandomState] = []

    def reset(self, seeds: ProcessSeeds, dt: float) -> None:
        """Make a step function for each minibatch item; see `NodeInput.reset`."""
        self._rngs = seeds.rngs(self.op)
        self._states = [
            {name: np.array(sig.initial_value) for name, sig in self.op.state.items()}
            for _ in self._rngs
        ]
        shape = self.op.output.shape
        self._steps = [
            self.op.process.make_step((0,), shape, dt, rng, state)
            for rng, state in zip(self._rngs, self._states, strict=True)
        ]

    def fill(self, row: Array, time: float) -> None:
        """Call the step functions; see `NodeInput.fill`."""
        for item, step in zip(row, self._steps, strict=True):
            item[:] = step(time)

    def state(self) -> Any:
        """The state of the process and of its noise; see `NodeInput.state`."""
        return (
            [{name: x.copy() for name, x in state.items()} for state in self._states],
            [rng.get_state() for rng in self._rngs],
        )

    def restore(self, saved: Any) -> None:
        """Continue from an earlier state; see `NodeInput.restore`."""
        states, rng_states = saved
        for state, old in zip(self._states, states, strict=True):
            for name, value in old.items():
                state[name][...] = value
        for rng, rng_state in zip(self._rngs, rng_states, strict=True):
            rng.set_state(rng_state)


_INPUT_TYPES: dict[type[Operator] | None, Callable[..., NodeInput]] = {
    None: lambda node, signal, op: NodeInput(node, signal),
    SimPyFunc: FunctionInput,
    SimProcess: ProcessInput,
}


def evaluate(
    inputs: Sequence[NodeInput], steps: range, dt: float, minibatch_size: int
) -> dict[nengo.Node, Array]:
    """Compute what input Nodes put out in some steps.

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
                source.fill(value[row], step * dt)
    for source, value in changing:
        source.check_finite(value)
    return values


def split_inputs(
    model: Model, operators: Sequence[Operator]
) -> tuple[list[NodeInput], list[Operator]]:
    """Separate the Nodes that only put values in from what has to be simulated.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.
    operators : list of nengo.builder.Operator
        Its operators.

    Returns
    -------
    inputs : list of NodeInput
        The Nodes without input, in the order of ``Network.all_nodes``.
    operators : list of nengo.builder.Operator
        All operators but those of these Nodes.
    """
    if model.toplevel is None:
        return [], list(operators)
    nodes = {
        model.sig[node]["out"]: node
        for node in model.toplevel.all_nodes
        if node.size_in == 0 and node.size_out > 0 and type(node) is nengo.Node
    }
    return _split(nodes, model, operators)


def _split(
    nodes: dict[Signal, nengo.Node], model: Model, operators: Sequence[Operator]
) -> tuple[list[NodeInput], list[Operator]]:
    own: dict[Signal, Operator] = {}
    others = []
    for op in operators:
        output = op.output if isinstance(op, (SimPyFunc, SimProcess)) else None
        if output in nodes:
            own[output] = op
        else:
            others.append(op)
    inputs = []
    for signal, node in nodes.items():
        op = own.get(signal)
        kind = None if op is None else type(op)
        inputs.append(_INPUT_TYPES[kind](node, signal, op))
    return inputs, others
