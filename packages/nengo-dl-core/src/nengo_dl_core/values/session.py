"""A simulation in progress: its present state, and the transactions that change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol
from weakref import WeakSet

import nengo
import numpy as np
import numpy.typing as npt

from nengo_dl_core.builders.base import Group
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.network.generators import Generators
from nengo_dl_core.network.inputs import ProcessInput
from nengo_dl_core.network.process_seeds import ProcessSeeds
from nengo_dl_core.program.program import Program
from nengo_dl_core.values.probe_data import ProbeData
from nengo_dl_core.values.state import State
from nengo_dl_core.values.variables import Variables

Array = npt.NDArray[Any]


class Cache(Protocol):
    """An executor's own memory, which holds the packed state between its runs."""

    def read_states(self) -> tuple[Array, ...]:
        """Return the packed state, as `Variables.read_states` does."""

    def write_states(self, states: tuple[Array, ...]) -> None:
        """Take other values of the packed state."""


class Session:
    """The present state of a simulation, and the transaction in which it changes.

    The packed state lies in TensorFlow's variables; or, from one run to the next, in
    the memory of an executor that works without TensorFlow. Wherever it lies, `state`
    and `restore` find it.

    Parameters
    ----------
    program : Program
        What is simulated.
    variables : Variables
        Parameters and state.
    seed : int
        Seed of everything random in the simulation.
    records : dict of {nengo.Probe: ProbeData}
        What the probes have recorded.

    Attributes
    ----------
    seeds : ProcessSeeds
        Seeds of the processes.
    generators : Generators
        Processes and random generators that live in Python.
    n_steps : int
        Number of steps that have been simulated.
    is_open : bool
        Whether the variables have been shown to somebody, who may change them at any
        time.
    """

    def __init__(
        self,
        program: Program,
        variables: Variables,
        seed: int,
        records: Mapping[nengo.Probe, ProbeData],
    ) -> None:
        self.program = program
        self.variables = variables
        self.records = records
        self.seeds = ProcessSeeds(program.model.operators, program.minibatch_size, seed)
        self.generators = Generators(
            [x.op for x in program.inputs if isinstance(x, ProcessInput)],
            program.builder.generator_ops,
            program.dt,
            program.minibatch_size,
        )
        self.generators.begin(self.seeds)
        variables.layer_weights.seed(seed)
        self.n_steps = 0
        self.is_open = False
        self._cache: Cache | None = None
        self._error: BaseException | None = None
        self._builders: WeakSet[Builder] = WeakSet()

    def new_builder(self, groups: Sequence[Group] | None = None) -> Builder:
        """Make builders for one trace, and call them at every reset.

        Parameters
        ----------
        groups : list of tuple of nengo.builder.Operator, optional
            What they build; by default all groups of the plan.
        """
        plan = self.program.optimized.plan
        builder = Builder(plan if groups is None else groups)
        self._builders.add(builder)
        return builder

    def lend(self, cache: Cache) -> bool:
        """Let an executor hold the packed state from now on.

        Parameters
        ----------
        cache : Cache
            Its memory.

        Returns
        -------
        held : bool
            Whether it held the state already; if not, the parameters may have changed.
        """
        if cache is self._cache:
            return True
        self.synchronize()
        cache.write_states(self.variables.read_states())
        self._cache = cache
        return False

    def synchronize(self) -> None:
        """Put the packed state into TensorFlow's variables, if it lies elsewhere."""
        if self._cache is not None:
            states = self._cache.read_states()
            self.variables.write_states(states, self.n_steps)
            self._cache = None

    def open(self) -> None:
        """Show the variables to a caller, who may change them at any time after."""
        self.synchronize()
        self.is_open = True

    def state(self) -> State:
        """Return the present state."""
        holder = self.variables if self._cache is None else self._cache
        return State(
            self.n_steps,
            holder.read_states(),
            self.generators.state(),
            self.variables.layer_weights.state(),
        )

    def restore(self, state: State) -> None:
        """Go on from a state.

        Parameters
        ----------
        state : State
            A state of a simulation of the same program.
        """
        self.n_steps = state.n_steps
        if self._cache is None:
            self.variables.write_states(state.signals, state.n_steps)
        else:
            self._cache.write_states(state.signals)
        self.generators.restore(state.generators)
        self.variables.layer_weights.restore(state.layers)

    def reset(self, *, include_parameters: bool, include_generators: bool) -> None:
        """Return to the initial state.

        Parameters
        ----------
        include_parameters : bool
            Whether what training and learning rules have changed is undone, too.
        include_generators : bool
            Whether processes and random generators begin anew.
        """
        self.synchronize()
        self.n_steps = 0
        memory, before = self.program.memory, self.variables.read_states()
        states = tuple(map(np.array, memory.initial_states()))
        for sig in () if include_parameters else self.program.learned:
            if (place := memory.columns(sig)) is not None:
                array, columns = place
                states[array][:, columns] = before[array][:, columns]
        self.variables.write_states(states, 0)
        if include_parameters:
            self.variables.reset_parameters()
        if include_generators:
            self.generators.begin(self.seeds)
            self.variables.layer_weights.seed(self.seeds.seed)
            self.build_post()

    def build_post(self) -> None:
        """Let the builders of operators prepare for the first step."""
        signals = self.program.memory.environment()
        for builder in self._builders:
            builder.build_post(signals)

    @contextmanager
    def transaction(self, keep: bool, trains: bool = False) -> Iterator[None]:
        """Run the simulation in a ``with`` block, so that it keeps all or nothing.

        On an error or an interrupt the state and what probes have recorded are what
        they were. An error that a function of the network has raised takes the place of
        the one that TensorFlow makes of it.

        Parameters
        ----------
        keep : bool
            Whether the state at the end is kept; if not, it is put back without an
            error, too.
        trains : bool
            Whether the simulation is trained: then the statistics and seeds of Keras
            layers are not put back.
        """
        before = self.state()
        marks = [(data, data.mark()) for data in self.records.values()]
        outer, self._error = self._error, None
        try:
            yield
        except BaseException as error:
            self._put_back(before, trains)
            for data, mark in marks:
                data.rollback(mark)
            if self._error is None or self._error is error:
                raise
            raise self._error from None
        else:
            if not keep:
                self._put_back(before, trains)
        finally:
            self._error = outer

    def keep_error(self, error: BaseException) -> None:
        """Remember what a function has raised, until the transaction ends."""
        if self._error is None:
            self._error = error

    def _put_back(self, before: State, trains: bool) -> None:
        if trains:
            layers = self.variables.layer_weights.state()
            before = replace(before, layers=layers)
        self.restore(before)
