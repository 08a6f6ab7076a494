"""The values of input Nodes, evaluated ahead of the simulation in whole arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import nengo
import numpy as np
import numpy.typing as npt
from nengo.builder import Model
from nengo.builder.operator import Operator, SimPyFunc
from nengo.builder.processes import SimProcess
from nengo.builder.signal import Signal

from nengo_dl_core.builders.pyfunc import checked_value
from nengo_dl_core.process_seeds import ProcessSeeds

Array = npt.NDArray[Any]


class NodeInput:
    """What an input Node puts out if no data is given for it.

    Parameters
    ----------
    node : nengo.Node
        A Node without input.
    signal : nengo.builder.Signal
        The signal of its output.
    op : nengo.builder.Operator or None
        The operator that Nengo built for it; None if its output is constant.
    dt : float
        Length of a step, in seconds.
    """

    def __init__(
        self, node: nengo.Node, signal: Signal, op: Operator | None, dt: float
    ) -> None:
        self.node = node
        self.signal = signal
        self.op = op
        self.dt = dt
        self._steps: list[Callable[[float], Any]] = []
        self._states: list[dict[str, Array]] = []
        self._rngs: list[np.random.RandomState] = []

    @property
    def constant(self) -> bool:
        """Whether the output is the same in every step."""
        return self.op is None

    def reset(self, seeds: ProcessSeeds) -> None:
        """Begin anew, as at the start of a simulation.

        Parameters
        ----------
        seeds : ProcessSeeds
            Hands out random number generators.
        """
        if not isinstance(self.op, SimProcess):
            return
        self._rngs = seeds.rngs(self.op)
        self._states = [
            {name: np.array(sig.initial_value) for name, sig in self.op.state.items()}
            for _ in self._rngs
        ]
        shape = self.op.output.shape
        self._steps = [
            self.op.process.make_step((0,), shape, self.dt, rng, state)
            for rng, state in zip(self._rngs, self._states, strict=True)
        ]

    def step(self, time: float) -> Any:
        """Compute the output of the next step, unchecked.

        Parameters
        ----------
        time : float
            Simulation time in seconds.

        Returns
        -------
        value : array_like
            The output, of shape ``(size_out,)`` or ``(minibatch_size, size_out)``.
        """
        if isinstance(self.op, SimProcess):
            return [step(time) for step in self._steps]
        return self.op.fn(time)

    def checked(self, values: list[Any], minibatch_size: int) -> Array:
        """Check the outputs of consecutive steps, all at once.

        Parameters
        ----------
        values : list of array_like
            What `step` returned.
        minibatch_size : int
            Number of items in a minibatch.

        Returns
        -------
        values : ndarray
            The outputs, ``(n_steps, minibatch_size, size_out)``.

        Raises
        ------
        nengo.exceptions.SimulationError
            If a value is anything but ``size_out`` finite numbers.
        """
        size = self.signal.size
        shape = (len(values), minibatch_size, size)
        if isinstance(self.op, SimProcess):
            return np.asarray(values).reshape(shape)
        try:
            array = np.asarray(values, dtype=np.float64).reshape((len(values), -1))
        except (TypeError, ValueError):
            array = np.array([np.nan])
        if array.shape != (len(values), size) or not np.isfinite(array).all():
            array = np.stack([checked_value(self.op.fn, x, size) for x in values])
        return np.broadcast_to(array[:, None], shape)

    def state(self) -> Any:
        """What `restore` needs to continue from here."""
        return (
            [{name: x.copy() for name, x in state.items()} for state in self._states],
            [rng.get_state() for rng in self._rngs],
        )

    def restore(self, saved: Any) -> None:
        """Continue from an earlier `state`.

        Parameters
        ----------
        saved : object
            What `state` returned.
        """
        states, rng_states = saved
        for state, old in zip(self._states, states, strict=True):
            for name, value in old.items():
                state[name][...] = value
        for rng, rng_state in zip(self._rngs, rng_states, strict=True):
            rng.set_state(rng_state)


def evaluate(
    inputs: Sequence[NodeInput], steps: range, dt: float, minibatch_size: int
) -> list[Array]:
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
    values : list of ndarray
        For each Node its output, ``(n_steps, minibatch_size, size_out)``.
    """
    changing = [source for source in inputs if not source.constant]
    computed: dict[NodeInput, list[Any]] = {source: [] for source in changing}
    if changing:
        for step in steps:
            for source in changing:
                computed[source].append(source.step(step * dt))
    return [
        np.broadcast_to(
            source.signal.initial_value,
            (len(steps), minibatch_size, source.signal.size),
        )
        if source.constant
        else source.checked(computed[source], minibatch_size)
        for source in inputs
    ]


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
    inputs = [
        NodeInput(node, signal, own.get(signal), model.dt)
        for signal, node in nodes.items()
    ]
    return inputs, others
