"""Running the simulation loop without Keras: compiled once, called buffer by buffer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import nengo
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from nengo_dl_core.config import get_setting
from nengo_dl_core.node_inputs import evaluate
from nengo_dl_core.probe_data import ProbeData
from nengo_dl_core.progress import ProgressBar
from nengo_dl_core.tensor_graph import TensorGraph

Array = npt.NDArray[Any]

# A buffer has room for this many steps, or for fewer if inputs and outputs of these
# took more than this many bytes.
_MAX_LENGTH = 512
_MAX_BYTES = 8 * 2**20


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
    """

    def __init__(
        self, graph: TensorGraph, probe_data: Mapping[nengo.Probe, ProbeData]
    ) -> None:
        self.graph = graph
        self.probes = [probe_data[probe] for probe in graph.model.probes]
        self.jit_compile = self._can_compile()
        self.length = self._buffer_length()
        self._function: Any = None
        self._constant_inputs: tf.Tensor | None = None
        if all(source.constant for source in graph.node_inputs):
            self._constant_inputs = self._inputs({}, range(1, self.length + 1), 0)

    def _can_compile(self) -> bool:
        setting = get_setting(self.graph.model, "jit_compile", "auto")
        if setting == "auto":
            return not self.graph.op_builder.python_in_loop
        return bool(setting)

    def _buffer_length(self) -> int:
        """Number of steps that the buffers hold."""
        batch = self.graph.minibatch_size
        sizes = [batch * x.signal.size for x in self.graph.node_inputs]
        sizes += [int(np.prod(data.item_shape)) for data in self.probes]
        step_bytes = 8 * max(sum(sizes), 1)
        return int(np.clip(_MAX_BYTES // step_bytes, 1, _MAX_LENGTH))

    def _compiled(self) -> Any:
        """The executable, built when it is first needed."""
        if self._function is not None:
            return self._function
        graph, length = self.graph, self.length
        lengths = [data.length(length) for data in self.probes]
        thinned = [data.thinned for data in self.probes]

        def loop(control: tf.Tensor, inputs: tf.Tensor, *flat: Any) -> list[Any]:
            rows = iter(tf.unstack(tf.cast(control[1:], tf.int32)))
            sizes = [source.signal.size for source in graph.node_inputs]
            n_parameters = len(graph.parameters)
            outputs, states = graph.simulate(
                n_steps=tf.cast(control[0, 0], tf.int32),
                first_step=control[0, 1],
                inputs=tf.split(inputs, sizes, axis=2) if sizes else [],
                parameters=flat[:n_parameters],
                states=flat[n_parameters:],
                length=length,
                rows=[next(rows) if thin else None for thin in thinned],
                lengths=lengths,
                training=False,
            )
            return [*outputs, *states]

        variables = [variable for _, variable in graph.parameters + graph.states]
        signature = [
            tf.TensorSpec(self._control(range(1, 2)).shape, tf.int64),
            tf.TensorSpec(self._input_shape, graph.float_type),
            *(tf.TensorSpec(variable.shape, variable.dtype) for variable in variables),
        ]
        with tf.device(graph.device):
            self._function = tf.function(
                loop,
                jit_compile=self.jit_compile or None,
                autograph=False,
                input_signature=signature,
            ).get_concrete_function()
        graph.build_post()
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
        graph = self.graph
        function = self._compiled()
        first = done = int(graph.step.numpy())
        for probe in self.probes:
            probe.reserve(int(n_steps / probe.period) + 1)
        parameters = [_read(variable) for _, variable in graph.parameters]
        states = [_read(variable) for _, variable in graph.states]
        saved = None if stateful else [source.state() for source in graph.node_inputs]
        try:
            while done < first + n_steps:
                count = min(self.length, first + n_steps - done)
                steps = range(done + 1, done + count + 1)
                results = self._call(
                    function,
                    tf.constant(self._control(steps)),
                    self._inputs(data, steps, done - first),
                    *parameters,
                    *states,
                )
                n_probes = len(self.probes)
                for probe, values in zip(self.probes, results[:n_probes], strict=True):
                    probe.append(values.numpy()[: probe.n_samples(steps)])
                states = results[n_probes:]
                done += count
                progress.step(count)
        finally:
            if saved is None:
                for (_, variable), state in zip(graph.states, states, strict=True):
                    tf.raw_ops.AssignVariableOp(
                        resource=variable.value.handle, value=state
                    )
                graph.step.assign(done)
            else:
                for source, state in zip(graph.node_inputs, saved, strict=True):
                    source.restore(state)

    def _call(self, function: Any, *args: tf.Tensor) -> list[tf.Tensor]:
        """Call the executable; what was raised in Python is raised as it was."""
        try:
            with tf.device(self.graph.device):
                return list(function(*args))
        except tf.errors.OpError:
            if self.graph.python_errors:
                raise self.graph.python_errors.pop() from None
            raise

    @property
    def _input_shape(self) -> tuple[int, int, int]:
        """Shape of the input buffer, in which all Nodes lie side by side."""
        size = sum(source.signal.size for source in self.graph.node_inputs)
        return self.length, self.graph.minibatch_size, size

    def _inputs(
        self, data: Mapping[nengo.Node, Array], steps: range, offset: int
    ) -> tf.Tensor:
        """Fill the input buffer for some steps."""
        graph = self.graph
        if self._constant_inputs is not None and not data:
            return self._constant_inputs
        buffer = np.zeros(self._input_shape, graph.float_type)
        filled = buffer[: len(steps)]
        defined = [x for x in graph.node_inputs if x.node not in data]
        values = dict(
            zip(
                (source.node for source in defined),
                evaluate(defined, steps, graph.signals.dt, graph.minibatch_size),
                strict=True,
            )
        )
        stop = offset + len(steps)
        for node, array in data.items():
            values[node] = np.swapaxes(array[:, offset:stop], 0, 1)
        column = 0
        for source in graph.node_inputs:
            size = source.signal.size
            filled[..., column : column + size] = values[source.node]
            column += size
        return tf.constant(buffer)

    def _control(self, steps: range) -> npt.NDArray[np.int64]:
        """Number of steps and of the first one; then the rows of thinned probes."""
        numbers = np.arange(steps.start, steps.start + self.length)
        rows = [
            probe.rows(numbers, probe.length(self.length))
            for probe in self.probes
            if probe.thinned
        ]
        control = np.zeros((1 + len(rows), max(self.length, 2)), np.int64)
        control[0, :2] = len(steps), steps.start
        for line, row in zip(control[1:], rows, strict=True):
            line[: self.length] = row
        return control


def _read(variable: keras.Variable) -> tf.Tensor:
    """The value of a variable, without the checks that Keras and TensorFlow add."""
    handle = variable.value.handle
    return tf.raw_ops.ReadVariableOp(resource=handle, dtype=variable.dtype)
