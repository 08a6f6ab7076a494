"""Running a simulation without Keras, buffer by buffer."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import nengo
import numpy as np
import numpy.typing as npt

from nengo_dl_core import tuning
from nengo_dl_core.diagnosis import Stages
from nengo_dl_core.engine.compiled_loop import Executable
from nengo_dl_core.engine.numpy_loop import NumPyLoop, runs_in_numpy
from nengo_dl_core.network.config import get_setting
from nengo_dl_core.network.inputs import evaluate
from nengo_dl_core.progress import ProgressBar
from nengo_dl_core.training.tensor_graph import TensorGraph
from nengo_dl_core.values.probe_data import ProbeData

Array = npt.NDArray[Any]
_log = logging.getLogger(__name__)


class Runner:
    """Runs a model for any number of steps.

    Inputs stream in and probe values stream out, a buffer of fixed length at a time, so
    that the memory in use does not grow with the length of a run.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.
    probe_data : dict of {nengo.Probe: ProbeData}
        Receives what the probes record.
    stages : Stages
        Measures tracing and compilation.

    Attributes
    ----------
    jit_compile : bool
        Whether TensorFlow's loop is compiled.
    in_numpy : bool
        Whether the operators' own Python runs, and not TensorFlow's loop.
    """

    def __init__(
        self,
        graph: TensorGraph,
        probe_data: Mapping[nengo.Probe, ProbeData],
        stages: Stages,
    ) -> None:
        self.graph = graph
        self.stages = stages
        self.probes = [probe_data[probe] for probe in graph.model.probes]
        self.jit_compile = self._can_compile()
        self.in_numpy = not self.jit_compile and runs_in_numpy(graph)
        self.length = self._buffer_length()

    def _can_compile(self) -> bool:
        """Decide whether to compile, and say once what makes it impossible."""
        setting = get_setting(self.graph.model, "jit_compile", "auto")
        if not setting or get_setting(self.graph.model, "check_finite", False):
            return False
        obstacles = self.graph.not_compilable()
        if obstacles:
            message = f"The simulation cannot be compiled: {', '.join(obstacles)}"
            if setting == "auto":
                _log.info(message)
            else:
                warnings.warn(message, UserWarning, stacklevel=4)
        return not obstacles

    def _buffer_length(self) -> int:
        """Number of steps that the buffers hold."""
        batch = self.graph.minibatch_size
        sizes = [batch * x.signal.size for x in self.graph.node_inputs]
        sizes += [int(np.prod(data.item_shape)) for data in self.probes]
        if not self.graph.use_loop:
            return self.graph.unroll
        step_bytes = 8 * max(sum(sizes), 1)
        fitting = tuning.MAX_BUFFER_BYTES // step_bytes
        return int(np.clip(fitting, 1, tuning.MAX_BUFFER_LENGTH))

    @cached_property
    def _loop(self) -> Callable[[Mapping[nengo.Node, Array], range, int], list[Array]]:
        """Runs some steps on data, from an offset in it; built when first needed."""
        if self.in_numpy:
            loop = NumPyLoop(self.graph, self.probes)
            return lambda data, steps, offset: loop.run(
                steps, self._input_values(data, steps, offset, len(steps))
            )
        executable = Executable(
            self.graph, self.probes, self.length, self.jit_compile, self.stages
        )
        constant = all(source.constant for source in self.graph.node_inputs)
        every = range(self.length)  # constants fill the whole buffer

        def run(
            data: Mapping[nengo.Node, Array], steps: range, offset: int
        ) -> list[Array]:
            changing = data or not constant
            with self.stages("compilation, and first steps"):
                return executable.run(
                    steps,
                    None if changing else "constant",
                    lambda: self._input_values(
                        data, steps if changing else every, offset, self.length
                    ),
                )

        return run

    def run(
        self,
        n_steps: int,
        data: Mapping[nengo.Node, Array],
        progress: ProgressBar,
        stateful: bool = True,
    ) -> None:
        """Run the model.

        An interrupt leaves the simulation at the end of the last buffer.

        Parameters
        ----------
        n_steps : int
            Number of steps.
        data : dict of {nengo.Node: ndarray}
            Output of Nodes, ``(minibatch_size, n_steps, size_out)``, in place of what
            they define.
        progress : ProgressBar
            Shows the progress of the run.
        stateful : bool
            Whether the state at the end is kept for the next run.
        """
        run = self._loop  # is built before the state is saved
        for probe in self.probes:
            probe.reserve(int(n_steps / probe.period) + 1)
        saved = None if stateful else self.graph.state()
        first = done = self.graph.n_steps
        try:
            while done < first + n_steps:
                count = min(self.length, first + n_steps - done)
                steps = range(done + 1, done + count + 1)
                results = run(data, steps, done - first)
                for probe, values in zip(self.probes, results, strict=True):
                    probe.append(values)
                done += count
                progress.step(count)
        finally:
            if saved is not None:
                self.graph.restore(saved)

    def _input_values(
        self, data: Mapping[nengo.Node, Array], steps: range, offset: int, length: int
    ) -> Array:
        """Fill a buffer with the inputs of some steps, side by side for all Nodes."""
        graph = self.graph
        size = sum(source.signal.size for source in graph.node_inputs)
        buffer = np.zeros((length, graph.minibatch_size, size), graph.float_type)
        filled = buffer[: len(steps)]
        defined = [x for x in graph.node_inputs if x.node not in data]
        values = evaluate(defined, steps, graph.signals.dt, graph.minibatch_size)
        stop = offset + len(steps)
        for node, array in data.items():
            values[node] = np.swapaxes(array[:, offset:stop], 0, 1)
        column = 0
        for source in graph.node_inputs:
            size = source.signal.size
            filled[..., column : column + size] = values[source.node]
            column += size
        return buffer
