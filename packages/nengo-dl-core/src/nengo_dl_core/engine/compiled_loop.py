"""The simulation loop as one compiled function, called buffer by buffer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from nengo_dl_core import tuning
from nengo_dl_core.diagnosis import Stages
from nengo_dl_core.engine.step import simulate
from nengo_dl_core.engine.variables import assign
from nengo_dl_core.training.tensor_graph import TensorGraph
from nengo_dl_core.values.probe_data import ProbeData

Array = npt.NDArray[Any]


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
            assign(self._variable, value())
            self._key = key


class Executable:
    """Runs a simulation for any number of steps, up to a fixed length of its buffers.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.
    probes : list of ProbeData
        Tell which steps are recorded.
    length : int
        Number of steps that the buffers hold.
    jit_compile : bool
        Whether it is compiled with XLA.
    stages : Stages
        Measures tracing.
    """

    def __init__(
        self,
        graph: TensorGraph,
        probes: Sequence[ProbeData],
        length: int,
        jit_compile: bool,
        stages: Stages,
    ) -> None:
        self.graph = graph
        self.probes = probes
        self.length = length
        self._defer = (
            jit_compile
            and graph.use_loop
            and graph.unroll <= tuning.STEPS_AT_ONCE <= length
            and graph.build_config(training=False).cpu_only
        )
        self._sizes = [source.signal.size for source in graph.node_inputs]
        shape = (length, graph.minibatch_size, sum(self._sizes))
        with tf.device(graph.device):
            self._control = _Argument(self._control_values(range(1, 2)))
            self._inputs = _Argument(np.zeros(shape, graph.float_type))
            with stages("tracing"), graph.errors_as_raised():
                self._function = tf.function(
                    self._loop,
                    jit_compile=jit_compile or None,
                    autograph=False,
                    input_signature=[],
                ).get_concrete_function()
        kept = graph.op_builder.python_state()
        graph.build_post()
        graph.op_builder.restore_python_state(kept)

    def _loop(self) -> list[tf.Tensor]:
        """Run as many steps as the control says."""
        graph, length = self.graph, self.length
        control, inputs = self._control.read(), self._inputs.read()
        n_steps = control[0]
        rows = iter(
            tf.unstack(tf.reshape(tf.cast(control[1:], tf.int32), (-1, length)))
        )
        outputs, states = simulate(
            graph,
            tf.cast(n_steps, tf.int32),
            tf.split(inputs, self._sizes, axis=2) if self._sizes else [],
            [
                graph.buffer(
                    sig, data.length(length), next(rows) if data.thinned else None
                )
                for sig, data in zip(graph.probed, self.probes, strict=True)
            ],
            training=False,
            defer=self._defer,
        )
        with tf.control_dependencies([*outputs, *states]):
            graph.step.assign_add(n_steps)
        for variable, state in zip(graph.states, states, strict=True):
            variable.assign(state)
        return outputs

    def run(self, steps: range, key: Any, inputs: Callable[[], Array]) -> list[Array]:
        """Run some steps.

        Parameters
        ----------
        steps : range
            Their numbers; not more than the buffers hold.
        key : object
            Tells input values apart: those of the last call are used again if they had
            the same key. None is the key of no values.
        inputs : callable
            Gives the values of all input Nodes, side by side, ``(length,
            minibatch_size, size)``.

        Returns
        -------
        values : list of ndarray
            What each probe records, ``(n_samples, minibatch_size, ...)``.
        """
        thinned = any(probe.thinned for probe in self.probes)
        self._control.assign(
            None if thinned else len(steps), lambda: self._control_values(steps)
        )
        self._inputs.assign(key, inputs)
        with self.graph.errors_as_raised():
            results = self._function()
        return [
            values.numpy()[: probe.n_samples(steps)]
            for probe, values in zip(self.probes, results, strict=True)
        ]

    def _control_values(self, steps: range) -> npt.NDArray[np.int64]:
        """The number of steps; then, for thinned probes, the rows they are kept in."""
        numbers = np.arange(steps.start, steps.start + self.length)
        rows = [
            probe.rows(numbers, probe.length(self.length))
            for probe in self.probes
            if probe.thinned
        ]
        return np.concatenate([np.array([len(steps)]), *rows])
