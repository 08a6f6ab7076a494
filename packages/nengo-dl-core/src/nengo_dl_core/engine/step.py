"""Builds the simulation loop from the steps of the program's operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from typing import NamedTuple

import keras
import nengo
import numpy as np
import tensorflow as tf
from nengo.builder.signal import Signal

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.numerics import hide_one
from nengo_dl_core.builders.products import Multiply, MultiplyingStep, multiplied
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.builders.tensor_signal import TensorSignal
from nengo_dl_core.engine.loop import Output, run_loop
from nengo_dl_core.program.finite_check import FiniteCheck
from nengo_dl_core.program.program import Program
from nengo_dl_core.progress import ProgressBar
from nengo_dl_core.values.session import Session
from nengo_dl_core.values.variables import Variables
from nengo_dl_optimizer import Block


class Values(NamedTuple):
    """The parameters and the state that a loop starts from, as tensors.

    Attributes
    ----------
    parameters : dict of {Block: tf.Tensor}
        Values of the parameters.
    states : list of tf.Tensor
        Packed state; see `Memory.initial_states`.
    layer_weights : dict of {int: tf.Tensor}
        Values of the weights of Keras layers; see `LayerWeights.tensors`.
    n_steps : tf.Tensor
        Number of steps that have been simulated, an integer.
    """

    parameters: dict[Block, tf.Tensor]
    states: Sequence[tf.Tensor]
    layer_weights: Mapping[int, tf.Tensor]
    n_steps: tf.Tensor

    @classmethod
    def of(cls, variables: Variables) -> Values:
        """Read the variables of a simulation."""
        return cls(
            {block: tf.convert_to_tensor(x) for block, x in variables.parameters},
            [tf.convert_to_tensor(x) for x in variables.states],
            variables.layer_weights.tensors(),
            tf.convert_to_tensor(variables.step),
        )


class Results(NamedTuple):
    """What a loop returns: the recorded values, and the state after them.

    Attributes
    ----------
    outputs : list of tf.Tensor
        The filled buffers of the probes, ``(length, minibatch_size, ...)``.
    states : list of tf.Tensor
        Packed state after the last step.
    layer_weights : list of (keras.Variable, tf.Tensor)
        Weights of Keras layers that have changed, by the layers' own variables.
    """

    outputs: list[tf.Tensor]
    states: list[tf.Tensor]
    layer_weights: list[tuple[keras.Variable, tf.Tensor]]


def build_config(
    session: Session,
    training: bool,
    evaluates_inputs: Callable[[nengo.Node], bool] | None = None,
    as_trained: bool = False,
    many_steps: bool = False,
    compiled: bool = False,
) -> BuildConfig:
    """Collect the settings that builders of operators may ask for.

    Parameters
    ----------
    session : Session
        The simulation.
    training : bool
        Whether the model is trained, as far as the network does not set
        ``learning_phase``.
    evaluates_inputs : callable, optional
        See `BuildConfig`.
    as_trained : bool
        Whether spiking neurons compute what they are trained by, as far as the network
        does not set ``learning_phase``.
    many_steps, compiled : bool
        See `BuildConfig`.

    Returns
    -------
    config : BuildConfig
        For `Builder.build_pre`.
    """
    program = session.program
    return BuildConfig(
        inference_only=bool(program.setting("inference_only", False)),
        lif_smoothing=program.setting("lif_smoothing"),
        cpu_only=program.cpu_only,
        rng=np.random.RandomState(session.seeds.seed),
        training=bool(program.setting("learning_phase", training)),
        generators=session.generators,
        keep_error=session.keep_error,
        evaluates_inputs=evaluates_inputs,
        spike_gradients=program.spike_gradients,
        product_dtype=program.product_dtype,
        as_trained=bool(program.setting("learning_phase", as_trained)),
        seed=session.seeds.seed,
        parameters_of_items=program.parameters_of_items,
        many_steps=many_steps,
        compiled=compiled,
    )


def probe_buffer(
    program: Program,
    sig: Signal,
    length: int | tf.Tensor,
    rows: tf.Tensor | None = None,
) -> Output:
    """Make a buffer for the values of a signal.

    Parameters
    ----------
    program : Program
        What is simulated.
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
    found = program.memory.tensor_signal(sig)
    return Output(length, (program.minibatch_size, *found.shape), found.dtype, rows)


def simulate(
    program: Program,
    builder: Builder,
    config: BuildConfig,
    values: Values,
    n_steps: tf.Tensor,
    inputs: Sequence[tf.Tensor],
    outputs: Sequence[Output],
    *,
    draw_offset: tf.Tensor | int = 0,
    maximum: tf.Tensor | None = None,
    progress: ProgressBar | None = None,
) -> Results:
    """Simulate some steps: a function of tensors, which changes nothing.

    Parameters
    ----------
    program : Program
        What is simulated.
    builder : Builder
        Builders of its groups that have built nothing yet.
    config : BuildConfig
        What builders may want to know.
    values : Values
        What to start from.
    n_steps : tf.Tensor
        How many steps to run.
    inputs : list of tf.Tensor
        Values of the input Nodes, ``(n_steps or more, minibatch_size, size_out)``.
    outputs : list of Output
        The buffers of the probes; see `probe_buffer`.
    draw_offset : tf.Tensor or int
        Where the streams of random numbers are, beyond the number of the step.
    maximum : tf.Tensor, optional
        A bound of ``n_steps``, needed for gradients.
    progress : ProgressBar, optional
        Shows the progress of the construction.

    Returns
    -------
    results : Results
        Outputs, and what the next steps start from.
    """
    seed_operations(config)
    memory = program.memory
    # simplifications leave no trace of an input that no probe depends on
    used = [source.signal in program.optimized.layout for source in program.inputs]
    sources = [source.signal for source in compress(program.inputs, used)]
    signals = memory.environment()
    memory.bind(signals, values.parameters)
    builder.build_pre(signals, config, progress)
    states = memory.unpacked(values.states)
    changing = builder.changing_weights
    make_step = StepMaker(
        program,
        config,
        builder,
        signals,
        [memory.whole(block) for block in states],
        values.layer_weights,
        draw_offset,
    )
    filled, after = run_loop(
        make_step(sources, program.probed),
        n_steps,
        values.n_steps + 1,
        list(compress(inputs, used)),
        [*states.values(), *(values.layer_weights[id(x)] for x in changing)],
        outputs,
        program.unroll,
        maximum,
        program.use_loop,
    )
    builder.build_post(signals)
    return Results(
        filled,
        memory.packed(after[: len(states)]),
        list(zip(changing, after[len(states) :], strict=True)),
    )


def seed_operations(config: BuildConfig) -> None:
    """Seed the random operations of the graph that is being traced."""
    if config.seed is not None and not tf.executing_eagerly():
        tf.compat.v1.set_random_seed(config.seed)


class StepMaker:
    """Makes the step function of a loop, once the builders have prepared.

    Parameters
    ----------
    program : Program
        What is simulated.
    config : BuildConfig
        What builders have been told.
    builder : Builder
        The builders of the groups.
    signals : SignalDict
        Environment, in which parameters are bound.
    carried : list of TensorSignal
        The state that goes from step to step.
    layer_weights : dict of {int: tf.Tensor}
        Values of the weights of Keras layers; those that change are carried, too.
    draw_offset : tf.Tensor or int
        See `simulate`.
    """

    def __init__(
        self,
        program: Program,
        config: BuildConfig,
        builder: Builder,
        signals: SignalDict,
        carried: Sequence[TensorSignal],
        layer_weights: Mapping[int, tf.Tensor],
        draw_offset: tf.Tensor | int,
    ) -> None:
        self._memory = program.memory
        self._builder = builder
        self._signals = signals
        self._carried = carried
        self._layer_weights = layer_weights
        self._draw_offset = draw_offset
        self._changing = [id(weight) for weight in builder.changing_weights]
        self._before = dict(signals.bases)
        self._check: FiniteCheck | None = None
        if program.setting("check_finite", False):
            self._check = FiniteCheck(program.owners, config.keep_error)

    def __call__(
        self,
        sources: Sequence[Signal],
        recorded: Sequence[Signal],
        earlier: Sequence[Signal] = (),
    ) -> MultiplyingStep:
        """Make the step.

        Parameters
        ----------
        sources : list of nengo.builder.Signal
            The inputs of the step.
        recorded : list of nengo.builder.Signal
            What it puts out.
        earlier : list of nengo.builder.Signal
            What it puts out besides, as it is before the step.

        Returns
        -------
        step : callable
            For `run_loop`, or for `run_differentiable_loop`.
        """
        signals, carried, changing = self._signals, self._carried, self._changing
        bound = [*carried, *map(self._memory.tensor_signal, sources)]
        read = list(map(self._memory.tensor_signal, recorded))
        read_before = list(map(self._memory.tensor_signal, earlier))
        for sig in (*read, *read_before, *carried):
            signals.expect(sig)

        def step(
            number: tf.Tensor,
            inputs: list[tf.Tensor],
            states: list[tf.Tensor],
            multiply: Multiply = multiplied,
        ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
            hide_one(number)
            signals.multiply = multiply
            states, weights = states[: len(carried)], states[len(carried) :]
            signals.bases = dict(self._before)
            signals.step = number
            signals.draw_offset = self._draw_offset
            signals.layer_weights = {
                **self._layer_weights,
                **dict(zip(changing, weights, strict=True)),
            }
            for sig, value in zip(bound, [*states, *inputs], strict=True):
                signals.scatter(sig, value)
            before = [signals.gather(sig) for sig in read_before]
            side_effects = self._builder.build_step(signals, None, self._check)
            with tf.control_dependencies(side_effects):
                values = [_all_items(signals, sig) for sig in read]
            after = [signals.gather(sig) for sig in carried]
            return values + before, after + [
                signals.layer_weights[key] for key in changing
            ]

        return step


def _all_items(signals: SignalDict, sig: TensorSignal) -> tf.Tensor:
    """Read a signal; what is the same for all items is repeated for each."""
    value = signals.gather(sig)
    if sig.minibatched:
        return value
    return tf.broadcast_to(value, (signals.minibatch_size, *sig.shape))
