"""Random generators of processes and of neurons whose steps run in Python.

They are part of the state of a simulation, and can be read and restored. The generator
alone is not enough for a process, since the step function keeps what ``make_step`` drew
when it was made. The state of a process therefore holds what is needed to make the same
step function again, and the present position of its generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from ctypes import string_at
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import Operator
from nengo.builder.processes import SimProcess

from nengo_dl_core.network.process_seeds import ProcessSeeds

Array = npt.NDArray[Any]
ArraysByName = Mapping[str, Array]

_TWISTER_BYTES = 625 * 4  # the key of a Mersenne Twister, and the place within it


def generator_position(rng: np.random.RandomState) -> Array:
    """Return the position of a random generator in its stream, as an array.

    Parameters
    ----------
    rng : numpy.random.RandomState
        A Mersenne Twister.

    Returns
    -------
    position : ndarray of uint64
        The generator's key, the place within the key, and the second number of the
        last pair of normal numbers, if it is still to be returned.
    """
    _, key, place, has_normal, normal = cast(tuple[Any, ...], rng.get_state())
    rest = np.array([place, has_normal, np.float64(normal).view(np.uint64)], np.uint64)
    return np.concatenate([key.astype(np.uint64), rest])


def set_generator(rng: np.random.RandomState, position: Array) -> None:
    """Move a random generator to a position that `generator_position` returned.

    Parameters
    ----------
    rng : numpy.random.RandomState
        A Mersenne Twister.
    position : ndarray of uint64
        The position.
    """
    *key, place, has_normal, normal = position
    rng.set_state(
        (
            "MT19937",
            np.array(key, np.uint32),
            int(place),
            int(has_normal),
            float(np.uint64(normal).view(np.float64)),
        )
    )


def item_rng(rng: np.random.RandomState, item: int) -> np.random.RandomState:
    """Make the generator of one item of a minibatch.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Generator of the model, which is not drawn from.
    item : int
        Index of the item.

    Returns
    -------
    rng : numpy.random.RandomState
        For the first item one in the same state, for the others independent ones.
    """
    rng = deepcopy(rng)
    if item == 0:
        return rng
    return np.random.RandomState(rng.randint(2**32, size=item, dtype=np.uint32)[-1:])


class WatchedGenerator:
    """A random generator whose position is known as long as it has not moved.

    NumPy takes longer to tell the position than a small network for a step, and there
    are processes that draw from their generator only when they begin.

    Parameters
    ----------
    seed : int
        Seed of the generator.

    Attributes
    ----------
    rng : numpy.random.RandomState
        The generator.
    """

    def __init__(self, seed: int) -> None:
        self._bits = np.random.MT19937(0)
        self.rng = np.random.RandomState(self._bits)
        self.rng.seed(seed)
        self._seen = b""
        self._position: Array = np.zeros(0, np.uint64)

    def position(self) -> Array:
        """Return the present position; see `generator_position`."""
        seen = string_at(self._bits.ctypes.state_address, _TWISTER_BYTES)
        # The second number of a pair is returned without a move of the generator.
        if seen != self._seen or self._position[-2]:
            self._position = generator_position(self.rng)
            self._seen = seen
        return self._position

    def move(self, position: Array) -> None:
        """Go to a position that `position` returned."""
        if not np.array_equal(self.position(), position):
            set_generator(self.rng, position)
            self._seen = b""  # since only half of a pair may lie between the two


class _Item(NamedTuple):
    """The step function, state and generator of a process for one item."""

    step: Callable[..., Any]
    state: dict[str, Array]
    generator: WatchedGenerator


class RunningProcess:
    """Runs a process, with a step function and noise of its own for each item.

    Parameters
    ----------
    op : nengo.builder.processes.SimProcess
        The operator that Nengo built for it.
    dt : float
        Length of a step, in seconds.
    keeps_signals : bool
        Whether the signals of its state are kept here, because it is not one of the
        operators that are simulated.

    Attributes
    ----------
    items : list of _Item
        Step function, state and generator for each item of the minibatch, once the
        process has begun.
    """

    def __init__(self, op: SimProcess, dt: float, keeps_signals: bool) -> None:
        self.op = op
        self._dt = dt
        self._keeps_signals = keeps_signals
        self._seeds: Array = np.zeros(0, np.int64)
        self.items: list[_Item] = []

    def begin(self, seeds: Sequence[int]) -> None:
        """Start the process from its beginning.

        Parameters
        ----------
        seeds : list of int
            A seed for each item of the minibatch.

        Raises
        ------
        nengo.exceptions.ValidationError
            If the process cannot be made for this length of a step.
        """
        self._seeds = np.array(seeds, np.int64)
        self.items = [self._make_item(int(seed)) for seed in seeds]

    def _make_item(self, seed: int) -> _Item:
        op, generator = self.op, WatchedGenerator(seed)
        shape_in = (0,) if op.input is None else op.input.shape
        state = {name: np.array(sig.initial_value) for name, sig in op.state.items()}
        step = op.process.make_step(
            shape_in, op.output.shape, self._dt, generator.rng, state
        )
        return _Item(step, state, generator)

    def state(self) -> dict[str, Array]:
        """Return what `restore` needs to go on from here.

        Returns
        -------
        state : dict of {str: ndarray}
            Arrays whose first axis is the minibatch.
        """
        items = self.items
        signals = {
            f"signal.{name}": np.stack([item.state[name] for item in items])
            for name in (self.op.state if self._keeps_signals else ())
        }
        positions = np.stack([item.generator.position() for item in items])
        return {"seed": self._seeds.copy(), "generator": positions, **signals}

    def restore(self, state: ArraysByName) -> None:
        """Go on from an earlier state.

        Parameters
        ----------
        state : dict of {str: ndarray}
            What `state` returned.
        """
        if not np.array_equal(self._seeds, state["seed"]):
            self.begin(state["seed"].tolist())
        for index, item in enumerate(self.items):
            item.generator.move(state["generator"][index])
            for name in self.op.state if self._keeps_signals else ():
                item.state[name][...] = state[f"signal.{name}"][index]


class NeuronGenerators:
    """Holds the generators of neurons whose steps run in Python, one for each item.

    Parameters
    ----------
    op : nengo.builder.neurons.SimNeurons
        The neurons.
    n_items : int
        Number of items.
    """

    def __init__(self, op: SimNeurons, n_items: int) -> None:
        self.op = op
        self._n_items = n_items
        self.begin()

    def begin(self) -> None:
        """Return to the start; the first item then draws what the reference does."""
        self.items: list[dict[str, np.random.RandomState]] = [
            {name: item_rng(rng, item) for name, rng in self.op.state_extra.items()}
            for item in range(self._n_items)
        ]

    def state(self) -> dict[str, Array]:
        """Return what `restore` needs to go on from here.

        Returns
        -------
        state : dict of {str: ndarray}
            The positions of the generators; the first axis is the minibatch.
        """
        return {
            name: np.stack([generator_position(item[name]) for item in self.items])
            for name in self.op.state_extra
        }

    def restore(self, state: ArraysByName) -> None:
        """Go on from an earlier state.

        Parameters
        ----------
        state : dict of {str: ndarray}
            What `state` returned.
        """
        for name, positions in state.items():
            for item, position in zip(self.items, positions, strict=True):
                set_generator(item[name], position)


class Generators:
    """Holds all random generators of a simulation that live in Python.

    Parameters
    ----------
    inputs : list of SimProcess
        Processes of input Nodes, which are evaluated before the steps.
    operators : list of SimProcess or SimNeurons
        What runs in Python within a step.
    dt : float
        Length of a step, in seconds.
    n_items : int
        Number of items in a minibatch.

    Attributes
    ----------
    processes : dict of {SimProcess: RunningProcess}
        The processes.
    neurons : dict of {SimNeurons: NeuronGenerators}
        The neurons.
    """

    def __init__(
        self,
        inputs: Iterable[SimProcess],
        operators: Iterable[Operator],
        dt: float,
        n_items: int,
    ) -> None:
        self.processes = {op: RunningProcess(op, dt, True) for op in inputs}
        self._inputs = list(self.processes.values())
        self._n_items = n_items
        self.neurons: dict[SimNeurons, NeuronGenerators] = {}
        for op in operators:
            if isinstance(op, SimNeurons):
                self.neurons[op] = NeuronGenerators(op, n_items)
            else:
                self.processes[op] = RunningProcess(op, dt, False)

    @property
    def _all(self) -> dict[Operator, RunningProcess | NeuronGenerators]:
        return {**self.processes, **self.neurons}

    @property
    def operators(self) -> list[Operator]:
        """The operators, in the order of `state`."""
        return list(self._all)

    def begin(self, seeds: ProcessSeeds) -> None:
        """Return all of them to their beginning.

        Parameters
        ----------
        seeds : ProcessSeeds
            Gives the processes their seeds.
        """
        for op, process in self.processes.items():
            process.begin(seeds.seeds(op))
        for neurons in self.neurons.values():
            neurons.begin()

    def begin_inputs(self, seeds: np.random.SeedSequence) -> None:
        """Start the processes of input Nodes from their beginning, with other noise.

        Parameters
        ----------
        seeds : numpy.random.SeedSequence
            Source of their seeds.
        """
        for process, own in zip(
            self._inputs, seeds.spawn(len(self._inputs)), strict=True
        ):
            process.begin(own.generate_state(self._n_items).tolist())

    def state(self) -> tuple[dict[str, Array], ...]:
        """Return what `restore` needs to go on from here, one value an operator."""
        return tuple(x.state() for x in self._all.values())

    def restore(self, states: Sequence[ArraysByName]) -> None:
        """Go on from an earlier state.

        Parameters
        ----------
        states : list of dict
            What `state` returned.
        """
        for x, state in zip(self._all.values(), states, strict=True):
            x.restore(state)
