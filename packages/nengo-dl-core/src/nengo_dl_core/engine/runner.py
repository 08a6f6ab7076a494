"""Runs a simulation for any number of steps, in pieces that fit an executor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from nengo_dl_core import tuning
from nengo_dl_core.build_report import Stages
from nengo_dl_core.engine.choice import (
    stages_of_predictions,
    stages_of_runs,
    steps_in_numpy,
)
from nengo_dl_core.engine.executor import Array, Data, Executor
from nengo_dl_core.engine.numpy_loop import NumPyLoop
from nengo_dl_core.engine.tensorflow_loop import TensorFlowLoop
from nengo_dl_core.progress import ProgressBar
from nengo_dl_core.values.session import Session


class Runner:
    """Runs a simulation for `Simulator.run` and the like, without Keras.

    Inputs stream in and probe values stream out, a piece at a time, so that the memory
    in use does not grow with the length of a run.

    Parameters
    ----------
    session : Session
        The simulation.
    jit_compile : bool
        Whether TensorFlow's loop is compiled.
    stages : Stages
        Measures tracing and compilation.

    Attributes
    ----------
    jit_compile : bool
        Whether TensorFlow's loop is compiled.
    steps_in_numpy : float
        How many steps NumPy runs, in all, before TensorFlow does.
    in_numpy : bool
        Whether NumPy runs the simulation at present, and not TensorFlow's loop.
    """

    def __init__(self, session: Session, jit_compile: bool, stages: Stages) -> None:
        self._session = session
        self.jit_compile = jit_compile
        self._stages = stages
        self.steps_in_numpy = steps_in_numpy(session.program, jit_compile)
        self.in_numpy = self.steps_in_numpy > 0
        self._n_asked = 0
        self._executor: Executor | None = None

    @property
    def executor(self) -> Executor:
        """What runs the simulation at present, made when it is first needed."""
        if self._executor is None:
            self._executor = (
                NumPyLoop(self._session)
                if self.in_numpy
                else TensorFlowLoop(
                    self._session,
                    self.jit_compile,
                    self._stages,
                    stages_of_runs(self._session.program),
                )
            )
        return self._executor

    @cached_property
    def _predictor(self) -> Executor | None:
        """What runs predictions, if that is not what runs everything else."""
        session = self._session
        if not self.jit_compile:
            return None
        stages = stages_of_predictions(session)
        if not stages:
            return None
        return TensorFlowLoop(
            session,
            True,
            self._stages,
            stages,
            tuning.PREDICTED_AT_ONCE,
            tuning.MAX_PREDICTED_BYTES,
            many_steps=True,
        )

    def expect(self, n_steps: int) -> None:
        """Choose what runs the simulation from now on.

        Parameters
        ----------
        n_steps : int
            Number of steps that are asked for.
        """
        self._n_asked += n_steps
        if self._n_asked > self.steps_in_numpy:
            self.leave_numpy()

    def leave_numpy(self) -> None:
        """Let TensorFlow run the simulation from now on, if its loop is compiled."""
        if self.in_numpy and self.jit_compile:
            self.in_numpy, self._executor = False, None

    def pieces(
        self, n_steps: int, data: Data, executor: Executor | None = None
    ) -> Iterator[tuple[int, list[Array]]]:
        """Run the simulation piece by piece; the caller has begun a transaction.

        Parameters
        ----------
        n_steps : int
            Number of steps.
        data : dict of {nengo.Node: ndarray}
            Output of input Nodes, ``(minibatch_size, n_steps, size_out)``, in place of
            what they define.
        executor : Executor, optional
            What runs it, by default the present one.

        Yields
        ------
        n_steps : int
            Number of steps of a piece.
        values : list of ndarray
            What each probe records in it, ``(n_samples, minibatch_size, ...)``.
        """
        start, executor = self._session.n_steps, executor or self.executor
        for done in range(0, n_steps, executor.max_steps):
            count = min(executor.max_steps, n_steps - done)
            piece = {node: x[:, done : done + count] for node, x in data.items()}
            first = start + done + 1
            yield count, executor.run(range(first, first + count), piece)

    def collect(self, n_steps: int, data: Data, results: Sequence[Array]) -> None:
        """Run the simulation, and put what its probes see into arrays.

        The caller has begun a transaction.

        Parameters
        ----------
        n_steps : int
            Number of steps.
        data : dict of {nengo.Node: ndarray}
            See `pieces`.
        results : list of ndarray
            For each probe ``(n_items, n_steps, ...)``, or ``(n_items, 1, ...)`` if it
            keeps the last value only. They may have room for the first items alone.
        """
        executor, done = self.executor, 0
        if n_steps >= tuning.MIN_PREDICTED_STEPS and self._predictor is not None:
            executor = self._predictor
        records = self._session.records.values()
        for count, values in self.pieces(n_steps, data, executor):
            for record, value, result in zip(records, values, results, strict=True):
                if record.keep_history:
                    result = result[:, done : done + count]
                result[:] = np.swapaxes(value[-result.shape[1] :], 0, 1)[: len(result)]
            done += count

    def run(self, n_steps: int, data: Data, progress: ProgressBar, keep: bool) -> None:
        """Run the simulation, and record what its probes see.

        Parameters
        ----------
        n_steps : int
            Number of steps.
        data : dict of {nengo.Node: ndarray}
            See `pieces`.
        progress : ProgressBar
            Shows the progress of the run.
        keep : bool
            Whether the state at the end is kept.
        """
        records = self._session.records.values()
        self.expect(n_steps)
        with self._session.transaction(keep), self._stages.shown_on(progress):
            for data_of_probe in records:
                data_of_probe.reserve(int(n_steps / data_of_probe.period) + 1)
            for count, values in self.pieces(n_steps, data):
                for record, value in zip(records, values, strict=True):
                    record.append(value)
                progress.step(count)
