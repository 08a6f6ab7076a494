"""Seeds of processes, drawn as the reference simulator draws them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from nengo.builder.operator import Operator
from nengo.builder.processes import SimProcess
from nengo.builder.signal import Signal
from nengo.utils.graphs import toposort
from nengo.utils.numpy import maxint
from nengo.utils.simulator import operator_dependency_graph


class ProcessSeeds:
    """Gives the processes of a model their seeds.

    The reference simulator draws the seed of every process that has none from one
    generator, in the order in which it will run the operators. Doing the same gives the
    same noise. Item ``i`` of a minibatch gets what a simulation with ``seed + i`` would
    give, so that a minibatch equals as many single simulations.

    Parameters
    ----------
    operators : list of nengo.builder.Operator
        The operators of the model as Nengo built them.
    minibatch_size : int
        Number of items in a minibatch.
    seed : int
        Seed of the simulation.
    """

    def __init__(
        self, operators: Sequence[Operator], minibatch_size: int, seed: int
    ) -> None:
        self._operators = list(operators)
        self.minibatch_size = minibatch_size
        self.seed = seed

    @cached_property
    def _position(self) -> dict[Signal, int]:
        """The number of seeds drawn before that of a process, by its output."""
        order = toposort(operator_dependency_graph(self._operators))
        drawing = (
            op for op in order if isinstance(op, SimProcess) and op.process.seed is None
        )
        return {op.output: position for position, op in enumerate(drawing)}

    def seeds(self, op: SimProcess) -> list[int]:
        """Return the seeds of a process.

        Parameters
        ----------
        op : nengo.builder.processes.SimProcess
            The operator of the process.

        Returns
        -------
        seeds : list of int
            One for each item of the minibatch. A process with a seed of its own has
            the same noise in all of them.
        """
        if op.process.seed is not None:
            return [op.process.seed] * self.minibatch_size
        draws = self._position[op.output] + 1
        return [
            np.random.RandomState(self.seed + item).randint(maxint, size=draws)[-1]
            for item in range(self.minibatch_size)
        ]
