"""One compiled simulation that runs many networks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import keras
import numpy as np

from nengo_dl_core.build_report import Stages
from nengo_dl_core.engine.choice import stages_of_runs
from nengo_dl_core.engine.executor import Array
from nengo_dl_core.engine.tensorflow_loop import TensorFlowLoop
from nengo_dl_core.network.generators import Generators
from nengo_dl_core.network.inputs import ProcessInput, evaluate
from nengo_dl_core.network.process_seeds import ProcessSeeds
from nengo_dl_core.program.program import Program
from nengo_dl_core.values.probe_data import ProbeData
from nengo_dl_core.values.session import Session
from nengo_dl_core.values.variable_access import assign
from nengo_dl_core.values.variables import Variables


class Executable:
    """A compiled loop whose parameters, state and inputs are those of any programs.

    Each program must have the fingerprint of the first one. It runs as many of them at
    once as that has items. What one alone computes is to the bit what a simulator that
    is compiled gives for it, since that is the same code.

    Parameters
    ----------
    program : Program
        The first one. If it has several items, their parameters must be their own.
    """

    def __init__(self, program: Program) -> None:
        owner = keras.layers.Layer(dtype=program.float_type, autocast=False)
        self._program = program
        self._variables = Variables(program, owner.add_weight)
        self._records = {
            probe: ProbeData.of(program, probe) for probe in program.probes
        }
        session = Session(program, self._variables, 0, self._records)
        self._loop = TensorFlowLoop(session, True, Stages(), stages_of_runs(program))

    def run(
        self, programs: Sequence[Program], seeds: Sequence[int], n_steps: int
    ) -> list[list[Array]]:
        """Simulate programs from their beginning.

        Parameters
        ----------
        programs : list of Program
            What is simulated, at most as many as the first program has items.
        seeds : list of int
            Seed of the simulation of each.
        n_steps : int
            Number of steps.

        Returns
        -------
        values : list of list of ndarray
            For each program what each probe has recorded, ``(n_samples, size)``.
        """
        # The last one also takes the place of those that are missing
        last = len(programs) - 1
        chosen = [min(item, last) for item in range(self._program.minibatch_size)]
        self._start_from([programs[index] for index in chosen])
        inputs = [_Inputs(*each) for each in zip(programs, seeds, strict=True)]
        nodes = [source.node for source in self._program.inputs]
        for record in self._records.values():
            record.clear()
            record.reserve(int(n_steps / record.period) + 1)
        for start in range(0, n_steps, self._loop.max_steps):
            steps = range(start + 1, min(start + self._loop.max_steps, n_steps) + 1)
            of_each = [one.values(steps) for one in inputs]
            of_items = (of_each[index] for index in chosen)
            given = map(np.concatenate, zip(*of_items, strict=True))
            values = self._loop.run(steps, dict(zip(nodes, given, strict=True)))
            for record, value in zip(self._records.values(), values, strict=True):
                record.append(value)
        return [
            [record.values[:, item].copy() for record in self._records.values()]
            for item in range(len(programs))
        ]

    def _start_from(self, programs: Sequence[Program]) -> None:
        """Give parameters and state the initial values of programs."""
        blocks = zip(*(program.memory.parameters for program in programs), strict=True)
        for same, (block, variable) in zip(
            blocks, self._variables.parameters, strict=True
        ):
            values = [
                program.memory.initial_value(own, 1)
                for program, own in zip(programs, same, strict=True)
            ]
            assign(variable, np.concatenate(values) if block.minibatched else values[0])
        states = zip(
            *(program.memory.initial_states(1) for program in programs), strict=True
        )
        self._variables.write_states(tuple(map(np.concatenate, states)), 0)


class _Inputs:
    """What the input Nodes of a program put out, from the beginning.

    Parameters
    ----------
    program : Program
        The program.
    seed : int
        Seed of the simulation.
    """

    def __init__(self, program: Program, seed: int) -> None:
        self._program = program
        self._generators = Generators(
            [
                source.op
                for source in program.inputs
                if isinstance(source, ProcessInput)
            ],
            (),
            program.dt,
            1,
        )
        self._generators.begin(ProcessSeeds(program.model.operators, 1, seed))

    def values(self, steps: range) -> Iterable[Array]:
        """Evaluate the Nodes in the next steps: ``(1, n_steps, size_out)`` for each."""
        inputs, dt = self._program.inputs, self._program.dt
        values = evaluate(inputs, steps, dt, 1, self._generators)
        return [np.swapaxes(values[source.node], 0, 1) for source in inputs]
