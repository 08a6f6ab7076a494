"""The simulation of a Nengo model as a Keras layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import nengo
import numpy as np
import tensorflow as tf
from nengo.builder.signal import Signal
from nengo.exceptions import SignalError

from nengo_dl_core import tuning
from nengo_dl_core.engine.differentiable import (
    has_gradient_loop,
    simulate_differentiably,
)
from nengo_dl_core.engine.step import Values, build_config, probe_buffer, simulate
from nengo_dl_core.network.trainability import mark_signals
from nengo_dl_core.private_names import OwnerOfGradients, gradients_of
from nengo_dl_core.program.program import Program
from nengo_dl_core.progress import ProgressBar
from nengo_dl_core.values.session import Session
from nengo_dl_core.values.variables import Variables


class SimulationLayer(OwnerOfGradients, keras.layers.Layer):
    """Simulates a Nengo model: from the values of Nodes to those of Probes.

    Parameters
    ----------
    program : Program
        What is simulated.

    Attributes
    ----------
    program : Program
        What is simulated.
    held : Variables
        Parameters and state, once built.
    session : Session
        The simulation that the layer is part of; to be set before the layer is called.
    jit_compile : bool
        Whether loops are compiled with XLA; not at first.
    """

    built: bool

    def __init__(self, program: Program) -> None:
        super().__init__(name="tensor_graph", dtype=program.float_type, autocast=False)
        self.program = program
        self.session: Session
        self.jit_compile = False

    def build(self, input_shape: Any = None) -> None:
        """Create the variables: parameters, and the state that survives a step.

        Parameters
        ----------
        input_shape : list of tuple of int
            Shapes of the inputs; not needed.
        """
        if self.built:
            return
        self.held = Variables(self.program, self.add_weight)
        # Keras finds as attributes what it saves, and TensorFlow what it exports
        self.parameters = self.held.parameters
        self.states = self.held.states
        self.step = self.held.step
        with tf.device(self.program.device):
            self._keeps_state = tf.Variable(False, trainable=False, name="keeps_state")
            self._keeps = False
            self._n_trained = tf.Variable(
                0,
                dtype=tf.int64,
                trainable=False,
                name="n_trained",
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            )
        self.built = True

    @contextmanager
    def borrowed(self, keep: bool, trains: bool = False) -> Iterator[None]:
        """Let calls move the simulation; see `Session.transaction`.

        Parameters
        ----------
        keep : bool
            Whether calls keep the state at their end, and the last of them for good.
        trains : bool
            Whether weights of Keras layers keep what training makes of them.
        """
        session, keeps_already = self.session, self._keeps
        keep = keep and self.program.stateful
        session.synchronize()
        if keeps_already:  # calls have moved the simulation since the transaction began
            session.n_steps = self.held.n_steps
        with session.transaction(keep, trains):
            try:
                self._set_keeps(keep)
                yield
            finally:
                self._set_keeps(keeps_already)
            if keep:
                session.n_steps = self.held.n_steps

    def _set_keeps(self, keep: bool) -> None:
        if keep != self._keeps:
            self._keeps_state.assign(keep)
            self._keeps = keep

    def build_inputs(self) -> tuple[keras.KerasTensor, dict[nengo.Node, Any]]:
        """Make the Keras inputs of the layer.

        Returns
        -------
        n_steps : keras.KerasTensor
            Number of steps, of shape ``(minibatch_size, 1)``.
        inputs : dict of {nengo.Node: keras.KerasTensor}
            Values of input Nodes, ``(minibatch_size, n_steps, size_out)``.
        """
        program = self.program
        batch = program.minibatch_size
        n_steps = keras.Input((1,), name="n_steps", dtype="int32", batch_size=batch)
        inputs = {
            source.node: keras.Input(
                (None, source.signal.size),
                name=program.input_names[source.node],
                dtype=program.float_type,
                batch_size=batch,
            )
            for source in program.inputs
        }
        return n_steps, inputs

    def call(
        self,
        inputs: Mapping[str, tf.Tensor],
        training: bool | None = None,
        progress: ProgressBar | None = None,
        stateful: bool | tf.Tensor = False,
        as_trained: bool = False,
    ) -> dict[str, tf.Tensor]:
        """Simulate as many steps as the inputs have, or as ``n_steps`` says.

        Parameters
        ----------
        inputs : dict of {str: tf.Tensor}
            Values of the input Nodes by name, ``(minibatch_size, n_steps, size_out)``,
            and ``"n_steps"``, ``(minibatch_size, 1)``.
        training : bool
            Whether the model is trained.
        progress : ProgressBar
            Shows the progress of the construction.
        stateful : bool or tf.Tensor
            Whether the state at the end is kept for the next call; `borrowed` may say
            so, too.
        as_trained : bool
            Whether spiking neurons compute what they are trained by in any case.

        Returns
        -------
        outputs : dict of {str: tf.Tensor}
            Values of the probes by name, ``(minibatch_size, n_steps, size_in)``.
        """
        program = self.program
        sources = [
            tf.ensure_shape(
                inputs[program.input_names[source.node]],
                (program.minibatch_size, None, source.signal.size),
            )
            for source in program.inputs
        ]
        n_steps = (
            tf.shape(sources[0])[1]
            if sources
            else tf.cast(inputs["n_steps"][0, 0], tf.int32)
        )
        length = sources[0].shape[1] if sources else None
        config = build_config(
            self.session,
            bool(training),
            as_trained=as_trained,
            many_steps=length is None or length >= tuning.MIN_STEPS_PREPARED,
            compiled=self.jit_compile,
        )
        values = Values.of(self.held)
        sequences = [tf.transpose(x, (1, 0, 2)) for x in sources]
        offset = self._draw_offset(bool(training))
        with gradients_of(self):
            if has_gradient_loop(program):
                results = simulate_differentiably(
                    program,
                    config,
                    values,
                    self._trained(values),
                    n_steps,
                    sequences,
                    self,
                    draw_offset=offset,
                    jit_compile=self.jit_compile,
                )
            else:
                results = simulate(
                    program,
                    self.session.new_builder(),
                    config,
                    values,
                    n_steps,
                    sequences,
                    [probe_buffer(program, sig, n_steps) for sig in program.probed],
                    draw_offset=offset,
                    maximum=n_steps,
                    progress=progress,
                )
        if program.stateful:
            keep = tf.logical_or(self._keeps_state, stateful)
            for variable, state in zip(self.held.states, results.states, strict=True):
                old = tf.convert_to_tensor(variable)
                variable.assign(tf.where(keep, state, old))
            steps = tf.where(keep, tf.cast(n_steps, tf.int64), 0)
            self.held.step.assign_add(steps)
        for weight, value in results.layer_weights:
            self.held.layer_weights.own(weight).assign(value)
        return {
            name: _batch_first(value if program.keeps_history(probe) else value[-1:])
            for (probe, name), value in zip(
                program.probe_names.items(), results.outputs, strict=True
            )
        }

    def _trained(self, values: Values) -> list[tf.Tensor]:
        """Values of the weights that are trained."""
        held = self.held
        variables = [
            *((x, values.parameters[block]) for block, x in held.parameters),
            *held.layer_weights.with_values(values.layer_weights),
        ]
        return [x for variable, x in variables if variable.trainable]

    def _draw_offset(self, training: bool) -> tf.Tensor | int:
        """Where random numbers begin: in training other ones for each minibatch.

        Each replica of a model has minibatches of its own.
        """
        if not training:
            return 0
        number = tf.convert_to_tensor(self._n_trained)
        replica = tf.distribute.get_replica_context()
        if replica is not None and replica.num_replicas_in_sync > 1:
            own = tf.cast(replica.replica_id_in_sync_group, number.dtype)
            number = number * replica.num_replicas_in_sync + own
        offset = tf.bitwise.left_shift(number, 32)
        with tf.control_dependencies([offset]):
            self._n_trained.assign_add(1)
        return offset

    def compute_output_spec(
        self, inputs: Mapping[str, Any], **_: Any
    ) -> dict[str, keras.KerasTensor]:
        """Shapes and types of the probes, without tracing the simulation.

        Parameters
        ----------
        inputs : dict of {str: keras.KerasTensor}
            The layer's inputs.

        Returns
        -------
        outputs : dict of {str: keras.KerasTensor}
            As `call` returns them.
        """
        specs, program = {}, self.program
        names = program.probe_names.values()
        for name, probed in zip(names, program.probed, strict=True):
            sig = program.memory.tensor_signal(probed)
            shape = (program.minibatch_size, None, *sig.shape)
            specs[name] = keras.KerasTensor(shape, dtype=sig.dtype)
        return specs

    def build_post(self) -> None:
        """Let the builders of operators prepare for the first step."""
        self.session.build_post()

    def mark_signals(self) -> dict[Signal, bool | None]:
        """Decide which signals are parameters that are trained.

        The attribute ``trainable`` of every signal of the model is set to the mark.

        Returns
        -------
        marks : dict of {nengo.builder.Signal: bool or None}
            See `nengo_dl_core.network.trainability.mark_signals`.
        """
        marks = mark_signals(self.program.model)
        for op in self.program.model.operators:
            for sig in op.all_signals:
                sig.trainable = sig.base.trainable = marks.get(sig.base)
        return marks

    def get_tensor(self, sig: Signal) -> tf.Tensor:
        """The present value of a signal that survives between steps, or a parameter.

        Parameters
        ----------
        sig : nengo.builder.Signal
            A signal of the model.

        Returns
        -------
        tensor : tf.Tensor
            Its value, with a leading minibatch axis if the signal has one. A signal
            that nothing uses, or that is computed anew in every step, has its initial
            value.
        """
        memory = self.program.memory
        try:
            view = memory.tensor_signal(sig)
        except SignalError:
            return tf.constant(np.asarray(sig.initial_value), self.program.float_type)
        values = Values.of(self.held)
        environment = memory.environment()
        memory.bind(environment, values.parameters | memory.unpacked(values.states))
        return environment.gather(view)


def _batch_first(value: tf.Tensor) -> tf.Tensor:
    """Swap the step and minibatch axes."""
    return tf.transpose(value, (1, 0, *range(2, value.shape.rank)))
