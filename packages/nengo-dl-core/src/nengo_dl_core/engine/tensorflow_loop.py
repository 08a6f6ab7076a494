"""The simulation loop in TensorFlow: one function, called buffer by buffer."""

from __future__ import annotations

from collections.abc import Sequence

import nengo
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from nengo_dl_core import tuning
from nengo_dl_core.build_report import Stages
from nengo_dl_core.engine.blocks import simulate_in_blocks
from nengo_dl_core.engine.executor import Array, Data
from nengo_dl_core.engine.input_buffer import InputBuffer
from nengo_dl_core.engine.input_values import input_values
from nengo_dl_core.engine.step import Values, build_config, probe_buffer, simulate
from nengo_dl_core.private_names import (
    OwnerOfGradients,
    call_without_arguments,
    gradients_of,
)
from nengo_dl_core.program.time_axis import Stage
from nengo_dl_core.values.session import Session
from nengo_dl_core.values.variable_access import aligned, array_of, assign


class TensorFlowLoop(OwnerOfGradients):
    """Runs a simulation in TensorFlow, for up to as many steps as its buffers hold.

    Inputs and the number of steps lie in variables: a call without arguments is the
    fastest, and a value that stays is not sent again.

    Parameters
    ----------
    session : Session
        The simulation.
    jit_compile : bool
        Whether the loop is compiled with XLA.
    measured : Stages
        Measures tracing.
    stages : list of Stage
        What the simulation is divided into; if there are none, it is one loop.
    block_size : int
        For how many steps something is computed at once.
    max_bytes : int, optional
        How large buffers of inputs and outputs may be.
    many_steps : bool
        Whether calls are for as many steps as there is room for; see `BuildConfig`.
    """

    def __init__(
        self,
        session: Session,
        jit_compile: bool,
        measured: Stages,
        stages: Sequence[Stage] = (),
        block_size: int = tuning.STEPS_AT_ONCE,
        max_bytes: int | None = None,
        many_steps: bool = False,
    ) -> None:
        self._session = session
        self._measured = measured
        self._probes = [session.records[probe] for probe in session.program.probes]
        self._given: Data = {}
        program = session.program
        self.max_steps = _buffer_length(session, max_bytes or tuning.MAX_BUFFER_BYTES)
        self._jit_compile = jit_compile
        if block_size > self.max_steps:  # of many neurons
            block_size = tuning.STEPS_AT_ONCE
        self._block_size = block_size
        self._stages: Sequence[Stage] = ()
        if (
            jit_compile
            and program.cpu_only
            and program.use_loop
            and program.unroll <= block_size <= self.max_steps
        ):
            self._stages = stages
            self.max_steps -= self.max_steps % block_size
        self._many_steps = many_steps and self.max_steps >= tuning.MIN_STEPS_PREPARED
        self._sizes = [source.signal.size for source in program.inputs]
        with tf.device(program.device):
            self._control = tf.Variable(self._control_values(range(1, 2)))
            self._inputs = InputBuffer(
                self.max_steps, program.minibatch_size, self._sizes, program.float_type
            )
            with measured.shown("tracing"):
                self._function = tf.function(
                    gradients_of(self)(self._loop),  # see ``learning_phase``
                    jit_compile=jit_compile or None,
                    autograph=False,
                    input_signature=[],
                ).get_concrete_function()
        self._controlled: int | None = None
        self._holds_constants = False

    def _is_evaluated(self, node: nengo.Node) -> bool:
        """Whether a step has to evaluate an input Node."""
        return node not in self._given

    def _loop(self) -> list[tf.Tensor]:
        """Run as many steps as the variable with the control values says."""
        session, program, length = self._session, self._session.program, self.max_steps
        variables = session.variables
        control = tf.convert_to_tensor(self._control)
        n_steps = control[0]
        rows = iter(
            tf.unstack(tf.reshape(tf.cast(control[1:], tf.int32), (-1, length)))
        )
        config = build_config(
            session,
            False,
            self._is_evaluated,
            many_steps=self._many_steps,
            compiled=self._jit_compile,
        )
        values = Values.of(variables)
        arguments = (
            tf.cast(n_steps, tf.int32),
            self._inputs.read(),
            [
                probe_buffer(
                    program,
                    sig,
                    data.length(length),
                    next(rows) if data.thinned else None,
                )
                for sig, data in zip(program.probed, self._probes, strict=True)
            ],
        )
        if self._stages:
            results = simulate_in_blocks(
                program,
                self._stages,
                self._block_size,
                session.new_builder,
                config,
                values,
                *arguments,
            )
        else:
            results = simulate(
                program, session.new_builder(), config, values, *arguments
            )
        with tf.control_dependencies([*results.outputs, *results.states]):
            variables.step.assign_add(n_steps)
        for variable, state in zip(variables.states, results.states, strict=True):
            variable.assign(state)
        for weight, value in results.layer_weights:
            variables.layer_weights.own(weight).assign(value)
        return results.outputs

    def run(self, steps: range, data: Data) -> list[Array]:
        """Simulate some steps; see `Executor.run`."""
        self._session.synchronize()
        self._set_control(steps)
        self._set_inputs(steps, data)
        self._given = data
        with self._measured.shown("compilation, and first steps"):
            results = call_without_arguments(self._function)
        self._session.n_steps = steps.stop - 1
        return [
            array_of(values)[: probe.n_samples(steps)]
            for probe, values in zip(self._probes, results, strict=True)
        ]

    def _set_control(self, steps: range) -> None:
        thinned = any(probe.thinned for probe in self._probes)
        if thinned or self._controlled != len(steps):
            assign(self._control, self._control_values(steps))
            self._controlled = len(steps)

    def _control_values(self, steps: range) -> npt.NDArray[np.int64]:
        """Return the number of steps, then the rows that thinned probes write to."""
        numbers = np.arange(steps.start, steps.start + self.max_steps)
        rows = [
            probe.rows(numbers, probe.length(self.max_steps))
            for probe in self._probes
            if probe.thinned
        ]
        return np.concatenate([np.array([len(steps)]), *rows])

    def _set_inputs(self, steps: range, data: Data) -> None:
        """Send the values of input Nodes to the buffer, if they have changed."""
        if not self._sizes:
            return
        program = self._session.program
        constant = not data and not any(
            program.evaluates_ahead(source) and not source.constant
            for source in program.inputs
        )
        if not constant:
            self._inputs.fill(self._input_rows(steps, data))
        elif not self._holds_constants:  # for every step that the buffer has room for
            every = range(1, self.max_steps + 1)
            self._inputs.fill(self._input_rows(every, data))
        self._holds_constants = constant

    def _input_rows(self, steps: range, data: Data) -> Array:
        """Collect the values of input Nodes, as many rows as the buffer takes."""
        session, program = self._session, self._session.program
        n_rows = self._inputs.n_rows(len(steps))
        shape = (n_rows, program.minibatch_size, sum(self._sizes))
        rows = aligned(shape, program.float_type)
        rows[len(steps) :] = 0
        ahead = [
            source
            for source in program.inputs
            if source.node in data or program.evaluates_ahead(source)
        ]
        values = input_values(session, ahead, steps, data)
        column = 0
        for source, size in zip(program.inputs, self._sizes, strict=True):
            value = values.get(source.node, 0)
            rows[: len(steps), :, column : column + size] = value
            column += size
        return rows


def _buffer_length(session: Session, max_bytes: int) -> int:
    """Number of steps that the buffers hold."""
    program = session.program
    if not program.use_loop:
        return program.unroll
    sizes = [program.minibatch_size * source.signal.size for source in program.inputs]
    sizes += [int(np.prod(data.item_shape)) for data in session.records.values()]
    step_bytes = 8 * max(sum(sizes), 1)
    fitting = max_bytes // step_bytes
    return int(np.clip(fitting, 1, tuning.MAX_BUFFER_LENGTH))
