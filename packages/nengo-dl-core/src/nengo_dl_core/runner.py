"""Running the simulation loop without Keras: compiled once, called buffer by buffer."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import nengo
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from nengo_dl_core.config import get_setting
from nengo_dl_core.diagnosis import Stages
from nengo_dl_core.node_inputs import evaluate
from nengo_dl_core.probe_data import ProbeData
from nengo_dl_core.progress import ProgressBar
from nengo_dl_core.tensor_graph import TensorGraph

Array = npt.NDArray[Any]
_log = logging.getLogger(__name__)

# A buffer has room for this many steps, or for fewer if inputs and outputs of these
# took more than this many bytes.
_MAX_LENGTH = 1024
_MAX_BYTES = 4 * 2**20


class _Argument:
    """An argument of the executable, held in a variable, with the key of its value.

    A call without arguments is the fastest, and a value that stays is not sent again.
    """

    def __init__(self, value: Array) -> None:
        self._variable = tf.Variable(value, trainable=False)
        self._key: Any = None

    def read(self) -> tf.Tensor:
        """The value, within the executable."""
        return tf.convert_to_tensor(self._variable)

    def assign(self, key: Any, value: Callable[[], Array]) -> None:
        """Give it the value that belongs to a key; None is the key of no value."""
        if key is None or key != self._key:
            # the variable's own method takes several times as long
            tf.raw_ops.AssignVariableOp(
                resource=self._variable.handle, value=tf.constant(value())
            )
            self._key = key


class Runner:
    """Runs a model for any number of steps through one executable.

    The executable has buffers of a fixed length for inputs and outputs, and takes the
    number of steps at run time. Inputs stream in and probe values stream out, a buffer
    at a time, so that the memory in use does not grow with the length of a run.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.
    probe_data : dict of {nengo.Probe: ProbeData}
        Receives what the probes record.
    stages : Stages
        Measures tracing and compilation.
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
        self.length = self._buffer_length()
        self._function: Any = None
        self._constant = all(source.constant for source in graph.node_inputs)
        with tf.device(graph.device):
            self._control = _Argument(self._control_values(range(1, 2)))
            self._inputs = _Argument(np.zeros(self._input_shape, graph.float_type))

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
        return int(np.clip(_MAX_BYTES // step_bytes, 1, _MAX_LENGTH))

    def _compiled(self) -> Any:
        """The executable, built when it is first needed."""
        if self._function is not None:
            return self._function
        graph, length = self.graph, self.length
        lengths = [data.length(length) for data in self.probes]
        thinned = [data.thinned for data in self.probes]
        sizes = [source.signal.size for source in graph.node_inputs]

        def loop() -> list[tf.Tensor]:
            control, inputs = self._control.read(), self._inputs.read()
            n_steps = control[0]
            rows = iter(
                tf.unstack(tf.reshape(tf.cast(control[1:], tf.int32), (-1, length)))
            )
            outputs, states = graph.simulate(
                n_steps=tf.cast(n_steps, tf.int32),
                first_step=graph.step + 1,
                inputs=tf.split(inputs, sizes, axis=2) if sizes else [],
                parameters=[tf.convert_to_tensor(x) for _, x in graph.parameters],
                states=[tf.convert_to_tensor(x) for x in graph.states],
                length=length,
                rows=[next(rows) if thin else None for thin in thinned],
                lengths=lengths,
                training=False,
            )
            with tf.control_dependencies([*outputs, *states]):
                graph.step.assign_add(n_steps)
            for variable, state in zip(graph.states, states, strict=True):
                variable.assign(state)
            return outputs

        with tf.device(graph.device), self.stages("tracing"):
            self._function = tf.function(
                loop,
                jit_compile=self.jit_compile or None,
                autograph=False,
                input_signature=[],
            ).get_concrete_function()
        kept = graph.op_builder.python_state()
        graph.build_post()
        graph.op_builder.restore_python_state(kept)
        return self._function

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
        function = self._compiled()
        for probe in self.probes:
            probe.reserve(int(n_steps / probe.period) + 1)
        saved = None if stateful else self.graph.state()
        first = done = self.graph.n_steps
        try:
            while done < first + n_steps:
                count = min(self.length, first + n_steps - done)
                steps = range(done + 1, done + count + 1)
                self._assign_arguments(data, steps, done - first)
                with self.stages("compilation, and first steps"):
                    results = self._call(function)
                for probe, values in zip(self.probes, results, strict=True):
                    probe.append(values.numpy()[: probe.n_samples(steps)])
                done += count
                progress.step(count)
        finally:
            if saved is not None:
                self.graph.restore(saved)

    def _call(self, function: Any) -> list[tf.Tensor]:
        """Call the executable; what was raised in Python is raised as it was."""
        try:
            return list(function())
        except tf.errors.OpError:
            if self.graph.python_errors:
                raise self.graph.python_errors.pop() from None
            raise

    @property
    def _input_shape(self) -> tuple[int, int, int]:
        """Shape of the input buffer, in which all Nodes lie side by side."""
        size = sum(source.signal.size for source in self.graph.node_inputs)
        return self.length, self.graph.minibatch_size, size

    def _assign_arguments(
        self, data: Mapping[nengo.Node, Array], steps: range, offset: int
    ) -> None:
        """Hand the executable what it needs for some steps."""
        thinned = any(probe.thinned for probe in self.probes)
        self._control.assign(
            None if thinned else len(steps), lambda: self._control_values(steps)
        )
        changing = data or not self._constant
        every = range(self.length)  # constants fill the whole buffer
        self._inputs.assign(
            None if changing else "constant",
            lambda: self._input_values(data, steps if changing else every, offset),
        )

    def _input_values(
        self, data: Mapping[nengo.Node, Array], steps: range, offset: int
    ) -> Array:
        """Fill the input buffer for some steps."""
        graph = self.graph
        buffer = np.zeros(self._input_shape, graph.float_type)
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

    def _control_values(self, steps: range) -> npt.NDArray[np.int64]:
        """The number of steps; then, for thinned probes, the rows they are kept in."""
        numbers = np.arange(steps.start, steps.start + self.length)
        rows = [
            probe.rows(numbers, probe.length(self.length))
            for probe in self.probes
            if probe.thinned
        ]
        return np.concatenate([np.array([len(steps)]), *rows])
