"""The simulation of a Nengo model as a Keras layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import keras
import nengo
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.builder import Model
from nengo.builder.operator import Operator
from nengo.builder.signal import Signal
from nengo.exceptions import SignalError, ValidationError

from nengo_dl_core.argument_checks import check_device, check_positive_integer
from nengo_dl_core.builders.base import BuildConfig, Builder
from nengo_dl_core.builders.learning_rule import with_factored_changes
from nengo_dl_core.builders.lowpass import without_duplicate_state
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.diagnosis import Objects
from nengo_dl_core.engine.loop import Output
from nengo_dl_core.engine.step import simulate
from nengo_dl_core.engine.variables import read
from nengo_dl_core.former_names import FormerNames, unrolled_steps
from nengo_dl_core.network.config import check_subnetworks, get_setting
from nengo_dl_core.network.inputs import split_inputs
from nengo_dl_core.network.names import unique_names
from nengo_dl_core.network.process_seeds import ProcessSeeds
from nengo_dl_core.network.session_config import apply_session_config
from nengo_dl_core.network.signal_facts import signal_facts
from nengo_dl_core.network.trainability import mark_signals
from nengo_dl_core.program.memory import Memory
from nengo_dl_core.program.stages import Deferral, apart
from nengo_dl_core.progress import ProgressBar
from nengo_dl_core.values.layer_weights import LayerWeights
from nengo_dl_optimizer import Block, OperatorGraph, layered_planner, optimize


class TensorGraph(FormerNames, keras.layers.Layer):
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
    simplify : bool
        Whether the graph of operators is simplified.
    step_blocks : int, optional
        Deprecated; see `former_names.unrolled_steps`.
    float_type : str, optional
        Floating point type; by default the one that is configured.

    Attributes
    ----------
    optimized : nengo_dl_optimizer.OptimizedGraph
        Operator groups in execution order, and the layout of their signals.
    memory : Memory
        Where the signals lie.
    signals : SignalDict
        Environment of a step.
    op_builder : Builder
        The builders of the operator groups.
    node_inputs : list of NodeInput
        The Nodes whose output is given to the simulation.
    deferral : Deferral
        The groups that may be computed apart from the loop.
    parameters : list of (Block, keras.Variable)
        The variables of blocks that nothing in the simulation writes, once built.
    states : list of keras.Variable
        The packed state that survives a step; see `Memory.initial_states`.
    layer_weights : LayerWeights
        Weights of Keras layers that are called in a step.
    step : tf.Variable
        Number of steps that have been simulated.
    keeps_state : tf.Variable
        Whether calls keep the state at their end.
    seeds : ProcessSeeds
        Seeds of the random processes.
    input_names : dict of {nengo.Node: str}
        Names of the input Nodes for Keras.
    probe_names : dict of {nengo.Probe: str}
        Names of the Probes for Keras.
    probed : list of nengo.builder.Signal
        What each Probe records.
    python_errors : list of Exception
        What functions of the network have raised, for `errors_as_raised`.
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
        simplify: bool = True,
        step_blocks: int | None = None,
        float_type: str | None = None,
    ) -> None:
        if model.toplevel is not None:
            check_subnetworks(model.toplevel)
        apply_session_config(get_setting(model, "session_config", {}))
        check_device(device)
        # Nengo's own setting is 64 bits unless somebody wants fewer
        few_bits = nengo.rc.float_dtype == np.float16
        default = "float16" if few_bits else "float32"
        self.float_type = float_type or get_setting(model, "dtype", default)
        super().__init__(name="tensor_graph", dtype=self.float_type, autocast=False)
        self.model = model
        self.unroll = unrolled_steps(unroll_simulation, step_blocks)
        self.use_loop = bool(get_setting(model, "use_loop", True))
        self.minibatch_size = minibatch_size
        self.device = device
        self.simplify = simplify
        self.seeds = ProcessSeeds(model.operators, minibatch_size, seed)
        self.node_inputs, operators = split_inputs(model, model.operators)
        if simplify and not (minibatch_size == 1 and _calls_python(operators)):
            operators = with_factored_changes(operators)
        self.optimized = optimize(
            OperatorGraph(
                without_duplicate_state(operators, dt),
                facts=signal_facts(
                    operators,
                    {source.signal for source in self.node_inputs},
                    self.mark_signals(),
                ),
                mergeable=Builder.mergeable,
            ),
            planner=apart(
                get_setting(model, "planner") or layered_planner, minibatch_size
            ),
            **_given(
                sorter=get_setting(model, "sorter"),
                simplifications=(
                    get_setting(model, "simplifications") if simplify else ()
                ),
            ),
        )
        layout = self.optimized.layout
        self.memory = Memory(layout, self.float_type, minibatch_size, dt)
        self.signals = self.memory.signals
        self.create_signals([sig for block in layout.blocks for sig in block.signals])
        self.op_builder = Builder(self.optimized.plan)
        self.deferral = Deferral.of(
            self.optimized.plan, self.optimized.graph, minibatch_size
        )
        self.input_names = unique_names([x.node for x in self.node_inputs], "node")
        self.probe_names = unique_names(model.probes, "probe")
        self.probed = [model.sig[probe]["in"] for probe in model.probes]
        self.python_errors: list[Exception] = []
        self.stateful = bool(get_setting(model, "stateful", True))

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

        The attribute ``trainable`` of every signal of the model is set to the mark.

        Returns
        -------
        marks : dict of {nengo.builder.Signal: bool or None}
            See `nengo_dl_core.network.trainability.mark_signals`.
        """
        marks = mark_signals(self.model)
        for op in self.model.operators:
            for sig in op.all_signals:
                sig.trainable = sig.base.trainable = marks.get(sig.base)
        return marks

    def create_signals(self, sigs: Sequence[Signal]) -> None:
        """Represent signals, and the operators' views of them, as rows of blocks.

        Parameters
        ----------
        sigs : list of nengo.builder.Signal
            Base signals.
        """
        views = [sig for op in self.optimized.graph for sig in op.all_signals]
        for sig in [*sigs, *views]:
            self.memory.tensor_signal(sig)

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
        memory = self.memory
        with tf.device(self.device):
            self.parameters: list[tuple[Block, keras.Variable]] = [
                (
                    block,
                    self._add_variable(
                        f"block_{block.index}",
                        memory.initial_value(block),
                        block.trainable,
                    ),
                )
                for block in memory.parameters
            ]
            self.states: list[keras.Variable] = [
                _state_variable(f"state_{dtype}", value)
                for dtype, value in zip(
                    memory.states, memory.initial_states(), strict=True
                )
            ]
            self.op_builder.build_layers(self.signals)
            self.layer_weights = LayerWeights(self.op_builder.layers, self.add_weight)
            self.step = tf.Variable(
                0,
                dtype=tf.int64,
                trainable=False,
                name="step",
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            )
            self.keeps_state = tf.Variable(False, trainable=False, name="keeps_state")
        self.built = True

    def _add_variable(
        self, name: str, value: npt.NDArray[Any], trainable: bool | None
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
    def distributed(self) -> bool:
        """Whether there are several replicas of the variables; see `tf.distribute`."""
        return isinstance(self.step, tf.distribute.DistributedValues)

    @property
    def n_steps(self) -> int:
        """Number of steps that have been simulated."""
        if self.distributed:
            return int(self.step.read_value())
        return int(read(self.step))

    def state(self) -> Any:
        """What `restore` needs to continue from here: everything but parameters."""
        return (
            [variable.numpy() for variable in self.states],
            self.n_steps,
            [source.state() for source in self.node_inputs],
            self.op_builder.python_state(),
        )

    def restore(self, saved: Any) -> None:
        """Continue from an earlier state.

        Parameters
        ----------
        saved : object
            What `state` returned.
        """
        states, n_steps, inputs, python_state = saved
        for variable, value in zip(self.states, states, strict=True):
            variable.assign(value)
        self.step.assign(n_steps)
        for source, value in zip(self.node_inputs, inputs, strict=True):
            source.restore(value)
        self.op_builder.restore_python_state(python_state)

    def reset(self, include_trainable: bool = True) -> None:
        """Give the state, and the parameters if wanted, their initial values.

        Parameters
        ----------
        include_trainable : bool
            Whether the parameters are reset too.
        """
        initial = self.memory.initial_states()
        for variable, value in zip(self.states, initial, strict=True):
            variable.assign(value)
        if include_trainable:
            for block, variable in self.parameters:
                variable.assign(self.memory.initial_value(block))
            self.layer_weights.reset()
        self.layer_weights.seed(self.seeds.seed)
        self.step.assign(0)

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
            Whether the state at the end is kept for the next call. It is kept as well
            if the variable `keeps_state` says so.
        as_trained : bool
            Whether spiking neurons compute what they are trained by in any case.

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
        values, states = simulate(
            self,
            n_steps,
            [tf.transpose(x, (1, 0, 2)) for x in sources],
            [self.buffer(sig, n_steps) for sig in self.probed],
            training=training,
            as_trained=as_trained,
            maximum=n_steps,
            progress=progress,
        )
        if self.stateful:
            keep = tf.logical_or(self.keeps_state, stateful)
            for variable, state in zip(self.states, states, strict=True):
                old = tf.convert_to_tensor(variable)
                variable.assign(tf.where(keep, state, old))
            self.step.assign_add(tf.where(keep, tf.cast(n_steps, tf.int64), 0))
        return {
            self.probe_names[probe]: _batch_first(
                value
                if get_setting(self.model, "keep_history", True, probe)
                else value[-1:]
            )
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
        for name, probed in zip(self.probe_names.values(), self.probed, strict=True):
            sig = self.memory.tensor_signal(probed)
            shape = (self.minibatch_size, None, *sig.shape)
            specs[name] = keras.KerasTensor(shape, dtype=sig.dtype)
        return specs

    def buffer(
        self, sig: Signal, length: int | tf.Tensor, rows: tf.Tensor | None = None
    ) -> Output:
        """Make a buffer for the values of a signal.

        Parameters
        ----------
        sig : nengo.builder.Signal
            A signal of the model.
        length : int or tf.Tensor
            Number of rows.
        rows : tf.Tensor, optional
            The row in which each step is written; by default its own.

        Returns
        -------
        output : Output
            For `simulate`.
        """
        found = self.memory.tensor_signal(sig)
        shape = (self.minibatch_size, *found.shape)
        return Output(length, shape, found.dtype, rows)

    def build_config(self, training: bool, as_trained: bool = False) -> BuildConfig:
        """Collect the settings that the operators' builders know.

        Parameters
        ----------
        training : bool
            Whether the model is trained.
        as_trained : bool
            Whether spiking neurons compute what they are trained by in any case.

        Returns
        -------
        config : BuildConfig
            For `Builder.build_pre`.
        """
        return BuildConfig(
            inference_only=bool(get_setting(self.model, "inference_only", False)),
            lif_smoothing=get_setting(self.model, "lif_smoothing"),
            cpu_only=_is_cpu(self.device),
            rng=np.random.RandomState(self.seeds.seed),
            training=training,
            process_rngs=self.seeds.rngs,
            keep_error=self.python_errors.append,
            own_variable=self.layer_weights.own,
            spike_gradient=get_setting(self.model, "spike_gradient"),
            as_trained=as_trained,
        )

    @cached_property
    def objects(self) -> Objects:
        """Names the objects that operators work for."""
        return Objects(self.model, self.optimized.graph)

    def not_compilable(self) -> list[str]:
        """Name what keeps the simulation from being compiled.

        Returns
        -------
        words : list of str
            An object and its type of operator for each operator that calls Python in
            every step, or that XLA cannot compile.
        """
        operators = self.op_builder.not_compilable(self.signals)
        return [self.objects.describe(op) for op in operators]

    def python_objects(self) -> list[str]:
        """Name what calls into Python in every step.

        Returns
        -------
        words : list of str
            An object and its type of operator for each such operator.
        """
        return [self.objects.describe(op) for op in self.op_builder.in_python()]

    @contextmanager
    def errors_as_raised(self) -> Iterator[None]:
        """Raise errors of the network's functions, which TensorFlow and Keras wrap."""
        try:
            yield
        except Exception:
            if not self.python_errors:
                raise
            error = self.python_errors[0]
            self.python_errors.clear()
            raise error from None

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
            view = self.memory.tensor_signal(sig)
        except SignalError:
            return tf.constant(np.asarray(sig.initial_value), self.float_type)
        values = self.memory.unpacked([tf.convert_to_tensor(x) for x in self.states])
        values |= {block: tf.convert_to_tensor(x) for block, x in self.parameters}
        environment = SignalDict(self.float_type, self.minibatch_size)
        self.memory.bind(environment, values)
        return environment.gather(view)


def _state_variable(name: str, value: npt.NDArray[Any]) -> keras.Variable:
    """A variable that has a value of its own on each replica of `tf.distribute`."""
    return keras.Variable(
        lambda *_, **__: tf.constant(value),
        shape=value.shape,
        dtype=value.dtype.name,
        trainable=False,
        autocast=False,
        synchronization="on_read",
        aggregation="only_first_replica",
        name=name,
    )


def _calls_python(operators: Sequence[Operator]) -> bool:
    """Whether an operator calls Python in every step."""
    return any(Builder.builder_type(op)((op,)).python_in_loop for op in operators)


def _is_cpu(device: str | None) -> bool:
    """Whether a device, or TensorFlow's choice of one, is certainly a CPU."""
    if device is None:
        return not tf.config.get_visible_devices("GPU")
    return "cpu" in device.lower()


def _given(**settings: Any) -> dict[str, Any]:
    """The settings that have been made."""
    return {name: value for name, value in settings.items() if value is not None}


def _batch_first(value: tf.Tensor) -> tf.Tensor:
    """Swap the step and minibatch axes."""
    return tf.transpose(value, (1, 0, *range(2, value.shape.rank)))
