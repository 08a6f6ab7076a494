"""The simulation of a Nengo model as a Keras layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import keras
import nengo
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.builder import Model
from nengo.builder.operator import Operator, TimeUpdate
from nengo.builder.signal import Signal
from nengo.exceptions import SignalError, ValidationError

from nengo_dl_core.builder import BuildConfig, Builder
from nengo_dl_core.builders.lowpass import without_duplicate_state
from nengo_dl_core.config import get_setting
from nengo_dl_core.data_arguments import check_positive_integer
from nengo_dl_core.layer_weights import LayerWeights
from nengo_dl_core.loop import Output, run_loop
from nengo_dl_core.names import unique_names
from nengo_dl_core.node_inputs import split_inputs
from nengo_dl_core.process_seeds import ProcessSeeds
from nengo_dl_core.progress import NullProgressBar, ProgressBar
from nengo_dl_core.session_config import apply_session_config
from nengo_dl_core.signals import SignalDict, TensorSignal
from nengo_dl_core.trainability import mark_signals
from nengo_dl_optimizer import Block, OperatorGraph, SignalFacts, optimize


class TensorGraph(keras.layers.Layer):
    """Simulates a Nengo model.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.
    dt : float
        Length of a step, in seconds.
    unroll_simulation : int
        How many steps are built into one round of the simulation loop.
    minibatch_size : int
        Number of inputs that are simulated at once.
    device : str or None
        TensorFlow device to compute on; None leaves it to TensorFlow.
    progress : ProgressBar
        Shows the progress of the graph optimisation.
    seed : int
        Seed of the simulation's random numbers.

    Attributes
    ----------
    optimized : nengo_dl_optimizer.OptimizedGraph
        Operator groups in execution order, and the layout of their signals.
    signals : SignalDict
        Environment of a step.
    op_builder : Builder
        The builders of the operator groups.
    node_inputs : list of NodeInput
        The Nodes whose output is given to the simulation.
    """

    built: bool

    def __init__(
        self,
        model: Model,
        dt: float,
        unroll_simulation: int = 1,
        minibatch_size: int = 1,
        device: str | None = None,
        progress: ProgressBar | None = None,
        seed: int = 0,
    ) -> None:
        apply_session_config(get_setting(model, "session_config", {}))
        self.float_type = get_setting(model, "dtype", "float32")
        super().__init__(name="tensor_graph", dtype=self.float_type, autocast=False)
        self.model = model
        self.unroll = unroll_simulation
        self.use_loop = bool(get_setting(model, "use_loop", True))
        self.minibatch_size = minibatch_size
        self.device = device
        self.seeds = ProcessSeeds(model.operators, minibatch_size, seed)
        self.node_inputs, operators = split_inputs(model, model.operators)
        self.optimized = optimize(
            OperatorGraph(
                without_duplicate_state(operators, dt),
                facts=self._facts(operators),
                mergeable=Builder.mergeable,
            ),
            **_given(
                planner=get_setting(model, "planner"),
                sorter=get_setting(model, "sorter"),
                simplifications=get_setting(model, "simplifications"),
            ),
        )
        self.signals = SignalDict(self.float_type, minibatch_size)
        self.signals.dt = dt
        self.create_signals([sig for block in self.blocks for sig in block.signals])
        self.op_builder = Builder(self.optimized.plan)
        self.input_names = unique_names([x.node for x in self.node_inputs], "node")
        self.probe_names = unique_names(model.probes, "probe")
        self.python_errors: list[Exception] = []
        self.stateful = bool(get_setting(model, "stateful", True))

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks of memory that the signals are views of."""
        return self.optimized.layout.blocks

    def check_steps(self, n_steps: int) -> None:
        """Check that a number of steps can be run.

        Parameters
        ----------
        n_steps : int
            Number of steps.

        Raises
        ------
        nengo.exceptions.ValidationError
            If it is no positive integer, or not the only one that can be run.
        """
        check_positive_integer("n_steps", n_steps)
        if not self.use_loop and n_steps != self.unroll:
            raise ValidationError(
                f"must be unroll_simulation, {self.unroll}, since the network sets "
                f"use_loop=False; it is {n_steps}",
                attr="n_steps",
            )

    def mark_signals(self) -> dict[Signal, bool | None]:
        """Decide which signals are parameters that are trained.

        Returns
        -------
        marks : dict of {nengo.builder.Signal: bool or None}
            See `nengo_dl_core.trainability.mark_signals`.
        """
        return mark_signals(self.model)

    def _facts(self, operators: Sequence[Operator]) -> dict[Signal, SignalFacts]:
        """What the operators do not tell about the signals."""
        counters = {
            sig for op in operators if isinstance(op, TimeUpdate) for sig in op.sets
        }
        external = {source.signal for source in self.node_inputs}
        written = {
            sig.base
            for op in operators
            for sig in [*op.sets, *op.incs, *op.updates]
            if sig not in counters
        }
        marks = self.mark_signals()
        return {
            sig: SignalFacts(
                trainable=marks.get(sig),
                minibatched=sig in written or sig in external,
                external=sig in external,
            )
            for sig in [*written, *external, *marks]
        }

    def create_signals(self, sigs: Sequence[Signal]) -> None:
        """Represent signals, and the operators' views of them, as rows of blocks.

        Parameters
        ----------
        sigs : list of nengo.builder.Signal
            Base signals.
        """
        views = [sig for op in self.optimized.graph for sig in op.all_signals]
        for sig in [*sigs, *views]:
            if sig not in self.signals:
                self.tensor_signal(sig)

    def tensor_signal(self, sig: Signal) -> TensorSignal:
        """The rows of memory in which a signal lies.

        Parameters
        ----------
        sig : nengo.builder.Signal
            A signal of the model, or a view of one.

        Returns
        -------
        tensor_signal : TensorSignal
            Where its value is bound.

        Raises
        ------
        nengo.exceptions.SignalError
            If no operator uses the signal.
        """
        if sig in self.signals:
            return self.signals[sig]
        view = self.optimized.layout.view(sig)
        block = self.blocks[view.block]
        first = self._first_rows[view.block]
        return self.signals.get_tensor_signal(
            [(first + start, first + stop) for start, stop in view.slices],
            self._key(block),
            self._dtype_of(block),
            view.shape,
            block.minibatched,
            signal=sig,
            label=sig.name,
        )

    def _key(self, block: Block) -> tuple[Any, ...]:
        """The base array of a block: the one of all blocks with rows of its kind.

        Such an array exists in name only, since values are bound to its rows block by
        block; it lets operators read from several blocks as if they were one.
        """
        return self._dtype_of(block), block.shape[1:], block.minibatched

    @cached_property
    def _first_rows(self) -> list[int]:
        """For each block its first row in the base array."""
        lengths: dict[Any, int] = {}
        first_rows = []
        for block in self.blocks:
            first_rows.append(lengths.get(self._key(block), 0))
            lengths[self._key(block)] = first_rows[-1] + block.shape[0]
        return first_rows

    def _whole(self, block: Block) -> TensorSignal:
        """A whole block as a signal."""
        first = self._first_rows[block.index]
        return self.signals.get_tensor_signal(
            [(first, first + block.shape[0])],
            self._key(block),
            self._dtype_of(block),
            block.shape,
            block.minibatched,
        )

    def _dtype_of(self, block: Block) -> str:
        """The type in which a block is simulated; parameters are no integers."""
        is_float = (
            np.issubdtype(block.dtype, np.floating) or block.trainable is not None
        )
        return self.float_type if is_float else np.dtype(block.dtype).name

    def build_inputs(self) -> tuple[keras.KerasTensor, dict[nengo.Node, Any]]:
        """Make the Keras inputs of the layer.

        Returns
        -------
        n_steps : keras.KerasTensor
            Number of steps, of shape ``(minibatch_size, 1)``.
        inputs : dict of {nengo.Node: keras.KerasTensor}
            Values of input Nodes, ``(minibatch_size, n_steps, size_out)``.
        """
        batch = self.minibatch_size
        n_steps = keras.Input((1,), name="n_steps", dtype="int32", batch_size=batch)
        inputs = {
            source.node: keras.Input(
                (None, source.signal.size),
                name=self.input_names[source.node],
                dtype=self.float_type,
                batch_size=batch,
            )
            for source in self.node_inputs
        }
        return n_steps, inputs

    def build(self, input_shape: Any = None) -> None:
        """Create the variables: parameters, and the state that survives a step.

        Parameters
        ----------
        input_shape : list of tuple of int
            Shapes of the inputs; not needed.
        """
        if self.built:
            return
        self.parameters: list[tuple[Block, keras.Variable]] = []
        state_blocks: dict[str, list[Block]] = {}
        with tf.device(self.device):
            for block in self.blocks:
                if block.persistent and block.minibatched:
                    state_blocks.setdefault(self._dtype_of(block), []).append(block)
                elif not block.written and not block.external:
                    variable = self._add_variable(
                        f"block_{block.index}",
                        self._initial_value(block),
                        block.trainable,
                    )
                    self.parameters.append((block, variable))
            self.states = [
                (
                    blocks,
                    self._add_variable(f"state_{dtype}", self._packed_state(blocks)),
                )
                for dtype, blocks in state_blocks.items()
            ]
            self.layer_weights = LayerWeights(self.op_builder.layers, self.add_weight)
            self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
            self.keeps_state = tf.Variable(False, trainable=False, name="keeps_state")
        self.built = True

    def _initial_value(self, block: Block) -> npt.NDArray[Any]:
        """Value of a block at the start of a simulation."""
        value = block.initial_value().astype(self._dtype_of(block))
        if not block.minibatched:
            return value
        return np.broadcast_to(value, (self.minibatch_size, *value.shape))

    def _packed_state(self, blocks: Sequence[Block]) -> npt.NDArray[Any]:
        """Initial value of state blocks, side by side: ``(minibatch_size, size)``.

        A call of the compiled loop costs more for every argument, so that all state is
        a single one.
        """
        batch = self.minibatch_size
        values = [self._initial_value(block).reshape((batch, -1)) for block in blocks]
        return np.concatenate(values, axis=1)

    def _add_variable(
        self, name: str, value: npt.NDArray[Any], trainable: bool | None = None
    ) -> keras.Variable:
        return self.add_weight(
            shape=value.shape,
            dtype=value.dtype.name,
            initializer=lambda *_, **__: tf.constant(value),
            trainable=bool(trainable),
            autocast=False,
            name=name,
        )

    @property
    def n_steps(self) -> int:
        """Number of steps that have been simulated."""
        # the variable's own methods take longer than a step of a small network
        value = tf.raw_ops.ReadVariableOp(resource=self.step.handle, dtype=tf.int64)
        return int(value)

    def state(self) -> Any:
        """What `restore` needs to continue from here: everything but parameters."""
        return (
            [variable.numpy() for _, variable in self.states],
            self.n_steps,
            [source.state() for source in self.node_inputs],
        )

    def restore(self, saved: Any) -> None:
        """Continue from an earlier state.

        Parameters
        ----------
        saved : object
            What `state` returned.
        """
        states, n_steps, inputs = saved
        for (_, variable), value in zip(self.states, states, strict=True):
            variable.assign(value)
        self.step.assign(n_steps)
        for source, value in zip(self.node_inputs, inputs, strict=True):
            source.restore(value)

    def reset(self, include_trainable: bool = True) -> None:
        """Give the state, and the parameters if wanted, their initial values.

        Parameters
        ----------
        include_trainable : bool
            Whether the parameters are reset too.
        """
        for blocks, variable in self.states:
            variable.assign(self._packed_state(blocks))
        if include_trainable:
            for block, variable in self.parameters:
                variable.assign(self._initial_value(block))
            self.layer_weights.reset()
        self.step.assign(0)

    def _unpacked(self, states: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Divide packed state into the values of the state blocks."""
        values: list[tf.Tensor] = []
        for (blocks, _), state in zip(self.states, states, strict=True):
            sizes = [int(np.prod(block.shape)) for block in blocks]
            values += [
                tf.reshape(piece, (self.minibatch_size, *block.shape))
                for block, piece in zip(
                    blocks, tf.split(state, sizes, axis=1), strict=True
                )
            ]
        return values

    def _packed(self, values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Undo `_unpacked`."""
        left = iter(values)
        return [
            tf.concat(
                [tf.reshape(next(left), (self.minibatch_size, -1)) for _ in blocks], 1
            )
            for blocks, _ in self.states
        ]

    def call(
        self,
        inputs: Mapping[str, tf.Tensor],
        training: bool | None = None,
        progress: ProgressBar | None = None,
        stateful: bool | tf.Tensor | None = None,
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
            Whether the state at the end is kept for the next call; by default as the
            variable `keeps_state` says.

        Returns
        -------
        outputs : dict of {str: tf.Tensor}
            Values of the probes by name, ``(minibatch_size, n_steps, size_in)``.
        """
        sources = [
            tf.ensure_shape(
                inputs[self.input_names[source.node]],
                (self.minibatch_size, None, source.signal.size),
            )
            for source in self.node_inputs
        ]
        n_steps = (
            tf.shape(sources[0])[1]
            if sources
            else tf.cast(inputs["n_steps"][0, 0], tf.int32)
        )
        states = [tf.convert_to_tensor(variable) for _, variable in self.states]
        values, new_states = self.simulate(
            n_steps=n_steps,
            first_step=self.step + 1,
            inputs=[tf.transpose(x, (1, 0, 2)) for x in sources],
            parameters=[
                tf.convert_to_tensor(variable) for _, variable in self.parameters
            ],
            states=states,
            length=n_steps,
            training=training,
            maximum=n_steps,
            progress=progress,
        )
        if self.stateful:
            keep = self.keeps_state if stateful is None else stateful
            for (_, variable), old, new in zip(
                self.states, states, new_states, strict=True
            ):
                variable.assign(tf.where(keep, new, old))
            self.step.assign_add(tf.where(keep, tf.cast(n_steps, tf.int64), 0))
        return {
            self.probe_names[probe]: _batch_first(value)
            for probe, value in zip(self.model.probes, values, strict=True)
        }

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
        specs = {}
        for probe in self.model.probes:
            sig = self.tensor_signal(self.model.sig[probe]["in"])
            shape = (self.minibatch_size, None, *sig.shape)
            specs[self.probe_names[probe]] = keras.KerasTensor(shape, dtype=sig.dtype)
        return specs

    def simulate(
        self,
        *,
        n_steps: tf.Tensor,
        first_step: tf.Tensor,
        inputs: Sequence[tf.Tensor],
        parameters: Sequence[tf.Tensor],
        states: Sequence[tf.Tensor],
        length: int | tf.Tensor,
        rows: Sequence[tf.Tensor | None] | None = None,
        lengths: Sequence[int] | None = None,
        training: bool | None = None,
        maximum: tf.Tensor | None = None,
        progress: ProgressBar | None = None,
    ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """Build the simulation loop.

        Parameters
        ----------
        n_steps, first_step : tf.Tensor
            How many steps to run, and the number of the first.
        inputs : list of tf.Tensor
            Values of the input Nodes, ``(n_steps or more, minibatch_size, size_out)``.
        parameters, states : list of tf.Tensor
            Values of the `parameters` and `states` of the layer.
        length : int or tf.Tensor
            Number of rows of the probes' buffers.
        rows, lengths : list
            For each probe the rows that the steps are written to, and the number of
            rows, where these differ from one row for each step.
        training : bool
            Whether the model is trained.
        maximum : tf.Tensor
            A bound of ``n_steps``, needed for gradients.
        progress : ProgressBar
            Shows the progress of the construction.

        Returns
        -------
        values : list of tf.Tensor
            Buffers of the probes, ``(length, minibatch_size, ...)``.
        states : list of tf.Tensor
            State after the last step.
        """
        progress = NullProgressBar() if progress is None else progress
        signals = self.signals
        signals.reset()
        given = {
            block.index: value
            for (block, _), value in zip(self.parameters, parameters, strict=True)
        }
        for block in self.blocks:
            value = given.get(block.index)
            if value is None:
                value = tf.constant(self._initial_value(block))
            signals.extend(self._key(block), value, block.shape[0])
        phase = get_setting(self.model, "learning_phase", training)
        self.op_builder.build_pre(signals, self._build_config(bool(phase)), progress)
        before = dict(signals.bases)
        probed = [
            self.tensor_signal(self.model.sig[probe]["in"])
            for probe in self.model.probes
        ]
        sources = [self.tensor_signal(source.signal) for source in self.node_inputs]
        carried = [self._whole(block) for blocks, _ in self.states for block in blocks]

        def step(
            number: tf.Tensor, inputs: list[tf.Tensor], states: list[tf.Tensor]
        ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
            signals.bases = dict(before)
            signals.step = number
            for sig, value in zip(
                [*carried, *sources], [*states, *inputs], strict=True
            ):
                signals.scatter(sig, value)
            side_effects = self.op_builder.build_step(signals)
            with tf.control_dependencies(side_effects):
                values = [_all_items(signals, sig) for sig in probed]
            return values, [signals.gather(sig) for sig in carried]

        rows = [None] * len(probed) if rows is None else rows
        lengths = [length] * len(probed) if lengths is None else lengths
        outputs = [
            Output(n, (self.minibatch_size, *sig.shape), sig.dtype, row)
            for sig, n, row in zip(probed, lengths, rows, strict=True)
        ]
        values, states = run_loop(
            step,
            n_steps,
            first_step,
            inputs,
            self._unpacked(states),
            outputs,
            self.unroll,
            maximum,
            self.use_loop,
        )
        return values, self._packed(states)

    def _build_config(self, training: bool) -> BuildConfig:
        return BuildConfig(
            inference_only=bool(get_setting(self.model, "inference_only", False)),
            lif_smoothing=get_setting(self.model, "lif_smoothing"),
            cpu_only=self.device is not None and "cpu" in self.device.lower(),
            rng=np.random.RandomState(self.seeds.seed),
            training=training,
            process_rngs=self.seeds.rngs,
            keep_error=self.python_errors.append,
            own_variable=self.layer_weights.own,
        )

    def build_post(self) -> None:
        """Reset what the operator builders keep in Python."""
        self.op_builder.build_post(self.signals)

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
        try:
            view = self.tensor_signal(sig)
        except SignalError:
            return tf.constant(np.asarray(sig.initial_value), self.float_type)
        environment = SignalDict(self.float_type, self.minibatch_size)
        state_values = self._unpacked([variable for _, variable in self.states])
        state_blocks = [block for blocks, _ in self.states for block in blocks]
        kept = {block.index: variable for block, variable in self.parameters}
        kept |= {
            block.index: x for block, x in zip(state_blocks, state_values, strict=True)
        }
        for block in self.blocks:
            if self._key(block) == view.key:
                value = kept.get(block.index, self._initial_value(block))
                environment.extend(
                    view.key, tf.convert_to_tensor(value), block.shape[0]
                )
        return environment.gather(view)


def _given(**settings: Any) -> dict[str, Any]:
    """The settings that have been made."""
    return {name: value for name, value in settings.items() if value is not None}


def _all_items(signals: SignalDict, sig: TensorSignal) -> tf.Tensor:
    """The value of a signal for every item of the minibatch."""
    value = signals.gather(sig)
    if sig.minibatched:
        return value
    return tf.broadcast_to(value, (signals.minibatch_size, *sig.shape))


def _batch_first(value: tf.Tensor) -> tf.Tensor:
    """Swap the step and minibatch axes."""
    return tf.transpose(value, (1, 0, *range(2, value.shape.rank)))
