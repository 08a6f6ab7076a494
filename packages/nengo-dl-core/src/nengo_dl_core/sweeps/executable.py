"""One compiled simulation that runs many networks, one after the other."""

from __future__ import annotations

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
    """A compiled loop whose parameters, state and inputs are those of any program.

    Each program must have the fingerprint of the first one. What they compute is to the
    bit what a simulator that is compiled gives for each, since that is the same code.

    Parameters
    ----------
    program : Program
        The first one.
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

    def run(self, program: Program, seed: int, n_steps: int) -> list[Array]:
        """Simulate a program from its beginning.

        Parameters
        ----------
        program : Program
            What is simulated.
        seed : int
            Seed of the simulation.
        n_steps : int
            Number of steps.

        Returns
        -------
        values : list of ndarray
            What each probe has recorded, ``(n_samples, size)``.
        """
        memory = program.memory
        for block, (_, variable) in zip(
            memory.parameters, self._variables.parameters, strict=True
        ):
            assign(variable, memory.initial_value(block))
        self._variables.write_states(tuple(memory.initial_states()), 0)
        generators = Generators(
            [
                source.op
                for source in program.inputs
                if isinstance(source, ProcessInput)
            ],
            (),
            program.dt,
            1,
        )
        generators.begin(ProcessSeeds(program.model.operators, 1, seed))
        nodes = [source.node for source in self._program.inputs]
        for record in self._records.values():
            record.clear()
            record.reserve(int(n_steps / record.period) + 1)
        for start in range(0, n_steps, self._loop.max_steps):
            steps = range(start + 1, min(start + self._loop.max_steps, n_steps) + 1)
            inputs = evaluate(program.inputs, steps, program.dt, 1, generators)
            given = {
                node: np.swapaxes(inputs[source.node], 0, 1)
                for node, source in zip(nodes, program.inputs, strict=True)
            }
            values = self._loop.run(steps, given)
            for record, value in zip(self._records.values(), values, strict=True):
                record.append(value)
        return [record.values[:, 0].copy() for record in self._records.values()]
