"""Running an optimized graph with NumPy alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import repeat
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from nengo.builder.operator import Operator, TimeUpdate
from nengo.builder.processes import SimProcess
from nengo.builder.signal import Signal
from numpy.typing import ArrayLike, DTypeLike

from ..pipeline import OptimizedGraph
from .generators import drawing_order, neuron_generators
from .kernels import KernelMaker, default_kernels
from .memory import Array, Memory, Step

Trace = Callable[[Sequence[Operator]], AbstractContextManager[object]]


@dataclass(frozen=True)
class ExecutorState:
    """All that a step leaves to the next, as a value.

    Parameters
    ----------
    seed : int
        The seed of processes without one of their own.
    blocks : tuple of array
        Copies of the persistent blocks, in the order of the layout.
    generators : tuple of dict
        The states of all random generators, as `numpy.random.RandomState.get_state`
        gives them.
    """

    seed: int
    blocks: tuple[Array, ...]
    generators: tuple[Mapping[str, Any], ...]


class NumPyExecutor:
    """Runs an optimized graph, group by group, over blocks of memory.

    Within a step all groups run in the order of the plan, and nothing is computed
    ahead: a Python function may look at what another one has just changed. A group is
    a few calls of NumPy for all of its operators, unless they are of a type that is
    not known: these run by the steps that they make themselves.

    Parameters
    ----------
    optimized : OptimizedGraph
        Groups of operators, and the layout of their signals.
    dt : float
        The length of a step, in seconds.
    seed : int
        The seed of all processes that have none. Item ``i`` of a minibatch gets the
        noise that a run of its own with ``seed + i`` would get.
    n_items : int, optional
        The number of items in a minibatch. By default there is one, and no array has
        an axis for it.
    float_type : data type, optional
        The type in which floating point signals are simulated, by default their own.
    kernels : mapping of type to KernelMaker, optional
        Makes the steps of groups of each type of operators, in place of or beside
        those of ``default_kernels``.

    invalid : str
        What NumPy does where a result is not a number, see `numpy.errstate`. By
        default it raises FloatingPointError, as in `nengo.Simulator`.

    Attributes
    ----------
    memory : Memory
        The arrays of all blocks and signals. Parameters, inputs and state are changed
        by writing to them between runs.
    groups : list of (tuple of Operator, list of callable)
        Each group of the plan with the functions that compute a step of it.

    Raises
    ------
    nengo.exceptions.BuildError
        If ``n_items`` is less than 1, or operators cannot make their steps.

    Examples
    --------
    >>> import nengo
    >>> from nengo_dl_optimizer import NumPyExecutor, OperatorGraph, optimize
    >>> with nengo.Network(seed=0) as net:
    ...     node = nengo.Node([0.5])
    ...     probe = nengo.Probe(node)
    >>> model = nengo.builder.Model()
    >>> model.build(net)
    >>> executor = NumPyExecutor(optimize(OperatorGraph(model.operators)))
    >>> (values,) = executor.run(3, [model.sig[probe]["in"]])
    >>> values.tolist()
    [[0.5], [0.5], [0.5]]
    """

    def __init__(
        self,
        optimized: OptimizedGraph,
        *,
        dt: float = 0.001,
        seed: int = 0,
        n_items: int | None = None,
        float_type: DTypeLike | None = None,
        kernels: Mapping[type[Operator], KernelMaker] | None = None,
        invalid: Literal["raise", "ignore", "warn"] = "raise",
    ) -> None:
        self.optimized = optimized
        self.dt = dt
        self._invalid = invalid
        self._kernels = {**default_kernels, **(kernels or {})}
        self._drawing = drawing_order(optimized, self._kernels)
        self._generators: list[dict[Operator, dict[str, np.random.RandomState]]] = [
            {} for _ in range(n_items or 1)
        ]
        self.memory = Memory(optimized.layout, n_items, float_type, self._generators)
        self._persistent = [b.index for b in optimized.layout.blocks if b.persistent]
        self._clock = next(
            (op for op in optimized.graph if type(op) is TimeUpdate), None
        )
        self._start(seed)

    @property
    def n_steps(self) -> int:
        """The number of steps so far; 0 if the graph has no clock."""
        return 0 if self._clock is None else int(self.memory[self._clock.step])

    def step(self) -> None:
        """Run one step."""
        self.run(1)

    def run(
        self,
        n_steps: int,
        signals: Sequence[Signal] = (),
        inputs: Mapping[Signal, ArrayLike] = MappingProxyType({}),
        *,
        kept: Sequence[ArrayLike | None] | None = None,
        trace: Trace | None = None,
        on_step: Callable[[int], object] | None = None,
    ) -> list[Array]:
        """Run some steps.

        Parameters
        ----------
        n_steps : int
            The number of steps.
        signals : sequence of Signal
            What to record, signals from before or after simplification.
        inputs : mapping of Signal to array
            Values of signals in each step, ``(n_steps, *memory[signal].shape)``, that
            are written before the step. They are for signals that no operator sets.
        kept : sequence of array of bool, optional
            For each recorded signal after which steps it is recorded, ``(n_steps,)``.
            By default, and where it is None, after every step.
        trace : callable, optional
            Given a group, returns a context in which the steps of the group run, for
            profilers.
        on_step : callable, optional
            Called before each step with its index in this run.

        Returns
        -------
        values : list of array
            What was recorded of each signal, ``(n_kept, *memory[signal].shape)``.

        Raises
        ------
        FloatingPointError
            If a result is not a number, and ``invalid`` was not set otherwise.
        ValueError
            If an input does not have a value for each step.
        """
        steps = self._steps if trace is None else _traced(self.groups, trace)
        given = [
            (self.memory[signal], self._checked(signal, values, n_steps))
            for signal, values in inputs.items()
        ]
        recorded, always, sometimes = self._recordings(n_steps, signals, kept)
        with np.errstate(divide="ignore", invalid=self._invalid):
            for i in range(n_steps):
                if on_step is not None:
                    on_step(i)
                for array, values in given:
                    array[...] = values[i]
                for step in steps:
                    step()
                for rows, array in always:
                    rows[i] = array
                for places, array, mask in sometimes:
                    if mask[i]:
                        next(places)[...] = array
        return recorded

    def _recordings(
        self,
        n_steps: int,
        signals: Sequence[Signal],
        kept: Sequence[ArrayLike | None] | None,
    ) -> tuple[list[Array], list[tuple[Array, Array]], list[tuple[Any, Array, Any]]]:
        """Return what signals are recorded in: all, in every step, and in some."""
        recorded: list[Array] = []
        always: list[tuple[Array, Array]] = []
        sometimes: list[tuple[Any, Array, Any]] = []
        for signal, mask in zip(signals, kept or repeat(None), strict=bool(kept)):
            array = self.memory[signal]
            times = None if mask is None else np.asarray(mask, bool)
            n_kept = n_steps if times is None else int(times.sum())
            rows = np.empty((n_kept, *array.shape), array.dtype)
            recorded.append(rows)
            if times is None:
                always.append((rows, array))
            else:
                # with one more axis each row is an array, that of a number too
                places = iter(rows[..., None])
                sometimes.append((places, array[..., None], times.tolist()))
        return recorded, always, sometimes

    def _checked(self, signal: Signal, values: ArrayLike, n_steps: int) -> Array:
        """Return the values of an input, if they fit."""
        shape = (n_steps, *self.memory[signal].shape)
        values = np.asarray(values)
        if values.shape != shape:
            raise ValueError(
                f"The values of {signal!r} must have the shape {shape}, for {n_steps} "
                f"steps, not {values.shape}"
            )
        return values

    @property
    def state(self) -> ExecutorState:
        """All that the next step depends on, copied: not parameters, nor inputs.

        What Python functions, users' operators and users' processes keep to themselves
        is not in it.
        """
        return ExecutorState(
            self.seed,
            tuple(self.memory.blocks[i].copy() for i in self._persistent),
            tuple(rng.get_state(legacy=False) for rng in self._all_generators()),
        )

    @state.setter
    def state(self, state: ExecutorState) -> None:
        if state.seed != self.seed:
            self._start(state.seed)
        for i, value in zip(self._persistent, state.blocks, strict=True):
            self.memory.blocks[i][...] = value
        generators = self._all_generators()
        for rng, saved in zip(generators, state.generators, strict=True):
            rng.set_state(dict(saved))

    def _all_generators(self) -> list[np.random.RandomState]:
        return [
            rng
            for generators in self._generators
            for named in generators.values()
            for rng in named.values()
        ]

    def reset(self, seed: int | None = None) -> None:
        """Begin again: with initial values, generators and steps.

        Parameters
        ----------
        seed : int, optional
            The seed of processes that have none, by default the same as before.
        """
        self.memory.reset()
        self._start(self.seed if seed is None else seed)

    def _start(self, seed: int) -> None:
        """Make generators, and the steps of all groups."""
        self.seed = seed
        own: dict[Operator, list[Step]] = {}
        for number, item in enumerate(self.memory.items):
            generators = self._generators[number]
            generators.clear()
            generators.update(neuron_generators(self.optimized, number))
            rng = np.random.RandomState(seed + number)
            for before, op in self._drawing:
                if type(before) is SimProcess:
                    made = before.process.get_rng(rng)
                    if op is not None:
                        generators[op] = {"rng": made}
                elif op is not None:
                    step = op.make_step(item, self.dt, rng)
                    if number == 0 or self._is_minibatched(op):
                        own.setdefault(op, []).append(step)
        self.groups: list[tuple[tuple[Operator, ...], list[Step]]] = [
            (group, self._make_steps(group, own)) for group in self.optimized.plan
        ]
        self._steps = [step for _, steps in self.groups for step in steps]

    def _make_steps(
        self, group: Sequence[Operator], own: Mapping[Operator, list[Step]]
    ) -> list[Step]:
        (kind,) = {type(op) for op in group}
        if kind in self._kernels:
            return list(self._kernels[kind](group, self.memory, self.dt))
        return [step for op in group for step in own[op]]

    def _is_minibatched(self, op: Operator) -> bool:
        return any(self.memory.is_minibatched(signal) for signal in op.all_signals)


def _traced(
    groups: Sequence[tuple[Sequence[Operator], list[Step]]], trace: Trace
) -> list[Step]:
    def traced(group: Sequence[Operator], steps: list[Step]) -> Step:
        def run() -> None:
            with trace(group):
                for step in steps:
                    step()

        return run

    return [traced(group, steps) for group, steps in groups if steps]
