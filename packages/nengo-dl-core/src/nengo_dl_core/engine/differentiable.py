"""A simulation that is differentiated by loops of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress, groupby
from typing import Any

import keras
import tensorflow as tf
from nengo.builder.signal import Signal

from nengo_dl_core import tuning
from nengo_dl_core.builders.base import BuildConfig, Group
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.products import MultiplyingStep
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.builders.tensor_signal import TensorSignal
from nengo_dl_core.engine.dataflow import dependent
from nengo_dl_core.engine.gradient_loop import run_differentiable_loop
from nengo_dl_core.engine.loop import run_loop
from nengo_dl_core.engine.own_gradient import with_own_gradient
from nengo_dl_core.engine.step import Results, StepMaker, Values, probe_buffer
from nengo_dl_core.private_names import OwnerOfGradients
from nengo_dl_core.program.at_once import compute_at_once
from nengo_dl_core.program.program import Program
from nengo_dl_core.program.time_axis import Stage, divide
from nengo_dl_optimizer import Block


def has_gradient_loop(program: Program) -> bool:
    """Whether `simulate_differentiably` can be used.

    Parameters
    ----------
    program : Program
        What is simulated.

    Returns
    -------
    has : bool
        Not if a step calls Python; and not where TensorFlow executes operations at
        once, as Keras lets it with ``run_eagerly=True``.
    """
    checks = bool(program.setting("check_finite", False))
    return not (tf.executing_eagerly() or program.calls_python or checks)


def simulate_differentiably(
    program: Program,
    config: BuildConfig,
    values: Values,
    trained: Sequence[tf.Tensor],
    n_steps: tf.Tensor,
    inputs: Sequence[tf.Tensor],
    owner: OwnerOfGradients,
    *,
    draw_offset: tf.Tensor | int = 0,
    jit_compile: bool = True,
) -> Results:
    """Simulate some steps: a function of tensors, with a gradient of its own.

    Parameters
    ----------
    program : Program
        What is simulated.
    config : BuildConfig
        What builders may want to know.
    values : Values
        What to start from; the state is not differentiated.
    trained : list of tf.Tensor
        Those of the values that the results are differentiated by.
    n_steps : tf.Tensor
        How many steps to run.
    inputs : list of tf.Tensor
        Values of the input Nodes, ``(n_steps, minibatch_size, size_out)``.
    owner : OwnerOfGradients
        What gradients that TensorFlow registers later live with; see `gradients_of`.
    draw_offset : tf.Tensor or int
        Where the streams of random numbers are, beyond the number of the step.
    jit_compile : bool
        Whether the loops are compiled with XLA.

    Returns
    -------
    results : Results
        Outputs of all steps, and what the next steps start from.
    """
    known = inputs[0].shape[0] if inputs else tf.get_static_value(n_steps)
    used = [source.signal in program.optimized.layout for source in program.inputs]
    simulation = _Simulation(
        program,
        config,
        values,
        trained,
        n_steps if known is None else int(known),
        [source.signal for source in compress(program.inputs, used)],
        draw_offset,
        jit_compile,
    )
    found = with_own_gradient(
        simulation.compute,
        simulation.plain,
        [*trained, *compress(inputs, used)],
        owner,
    )
    memory, n_outputs = program.memory, len(program.probed)
    n_states = n_outputs + sum(map(len, memory.states.values()))
    return Results(
        found[:n_outputs],
        memory.packed(found[n_outputs:n_states]),
        list(zip(simulation.changing, found[n_states:], strict=True)),
    )


class _Simulation:
    """A simulation as a function of trained values and inputs.

    Attributes
    ----------
    changing : list of keras.Variable
        Weights of Keras layers that have changed, once the steps are built.
    """

    def __init__(
        self,
        program: Program,
        config: BuildConfig,
        values: Values,
        trained: Sequence[tf.Tensor],
        n_steps: int | tf.Tensor,
        sources: Sequence[Signal],
        draw_offset: tf.Tensor | int,
        jit_compile: bool,
    ) -> None:
        self._program, self._config, self._values = program, config, values
        self._trained, self._n_steps, self._sources = trained, n_steps, sources
        self._draw_offset, self._jit_compile = draw_offset, jit_compile
        self._first_step = values.n_steps + 1
        self._checkpoints = program.setting("gradient_checkpoints", "auto")
        self.changing: list[keras.Variable] = []

    def compute(
        self, tape: tf.GradientTape, tensors: list[tf.Tensor]
    ) -> list[tf.Tensor]:
        """Simulate, in stages or by one loop, for `with_own_gradient`."""
        trained, inputs = self._divided(tensors)
        stages = self._stages()
        states = self._states()
        if not stages:
            carried = list(map(self._program.memory.whole, states))
            step = self._step(
                trained, None, carried, self._sources, self._program.probed
            )
            weights = self._changing_weights(self.changing)
            first = [*states.values(), *weights]
            outputs, after = self._loop(tape, step, trained, inputs, first)
            return [*outputs, *after]
        return self._in_stages(tape, stages, trained, inputs, states)

    def plain(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        """Simulate by a loop that TensorFlow differentiates."""
        program = self._program
        trained, inputs = self._divided(tensors)
        states = self._states()
        carried = list(map(program.memory.whole, states))
        step = self._step(trained, None, carried, self._sources, program.probed)
        outputs, after = run_loop(
            step,
            self._n_steps,
            self._first_step,
            inputs,
            [*states.values(), *self._changing_weights(self.changing)],
            [probe_buffer(program, sig, self._n_steps) for sig in program.probed],
            program.unroll,
            use_loop=program.use_loop,
        )
        return [*outputs, *after]

    def _divided(
        self, tensors: Sequence[tf.Tensor]
    ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        n_trained = len(self._trained)
        return list(tensors[:n_trained]), list(tensors[n_trained:])

    def _states(self) -> dict[Block, tf.Tensor]:
        """The state before the first step, which is not differentiated."""
        states = self._program.memory.unpacked(self._values.states)
        return {block: tf.stop_gradient(x) for block, x in states.items()}

    def _changing_weights(self, weights: Sequence[keras.Variable]) -> list[tf.Tensor]:
        values = self._values.layer_weights
        return [tf.stop_gradient(values[id(x)]) for x in weights]

    def _replaced(
        self, values: Mapping[Any, tf.Tensor], trained: Sequence[tf.Tensor]
    ) -> dict[Any, tf.Tensor]:
        """Put what is differentiated in the place of what is trained."""
        new = dict(zip(map(id, self._trained), trained, strict=True))
        return {key: new.get(id(x), x) for key, x in values.items()}

    def _step(
        self,
        trained: Sequence[tf.Tensor],
        groups: Sequence[Group] | None,
        carried: Sequence[TensorSignal],
        read: Sequence[Signal],
        recorded: Sequence[Signal],
        earlier: Sequence[Signal] = (),
    ) -> MultiplyingStep:
        """Make the step of some groups, or of all."""
        program, values = self._program, self._values
        signals = program.memory.environment()
        builder = Builder(program.optimized.plan if groups is None else groups)
        program.memory.bind(signals, self._replaced(values.parameters, trained))
        builder.build_pre(signals, self._config)
        self.changing = list(builder.changing_weights)
        make_step = StepMaker(
            program,
            self._config,
            builder,
            signals,
            carried,
            self._replaced(values.layer_weights, trained),
            self._draw_offset,
        )
        return make_step(read, recorded, earlier)

    def _loop(
        self,
        tape: tf.GradientTape,
        step: MultiplyingStep,
        trained: Sequence[tf.Tensor],
        inputs: Sequence[tf.Tensor],
        states: Sequence[tf.Tensor],
    ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        learned = dependent(trained, trained[0].graph) if trained else set()
        return run_differentiable_loop(
            step,
            self._n_steps,
            self._first_step,
            inputs,
            states,
            tape=tape,
            is_learned=lambda x: x.name in learned,
            unroll=self._program.unroll,
            use_loop=self._program.use_loop,
            jit_compile=self._jit_compile,
            of_first_state=False,
            expected=self._config.training,
            checkpoints=None if self._checkpoints == "auto" else self._checkpoints,
        )

    def _stages(self) -> list[Stage]:
        """The stages, if what lies between them is not too large."""
        program, n_steps = self._program, self._n_steps
        if not isinstance(n_steps, int) or self._checkpoints is True:
            return []
        graph = program.optimized.graph
        probed = [graph.current(sig).base for sig in program.probed]
        stages = divide(
            program.optimized.plan,
            graph,
            self._config,
            probed,
            program.minibatch_size,
            n_steps,
        )
        between = [x for stage in stages for x in (*stage.results, *stage.earlier)]
        size = sum(sig.size for sig in between)
        itemsize = tf.as_dtype(program.float_type).size
        n_bytes = itemsize * size * n_steps * program.minibatch_size
        return stages if n_bytes <= tuning.MAX_SEQUENCE_BYTES else []

    def _in_stages(
        self,
        tape: tf.GradientTape,
        stages: Sequence[Stage],
        trained: Sequence[tf.Tensor],
        inputs: Sequence[tf.Tensor],
        states: Mapping[Block, tf.Tensor],
    ) -> list[tf.Tensor]:
        """Simulate one stage after the other."""
        program = self._program
        memory, probed = program.memory, program.probed
        state = memory.environment()
        memory.bind(state, states)
        sequences = dict(zip(self._sources, inputs, strict=True))
        outputs: dict[int, tf.Tensor] = {}
        changed: list[tuple[keras.Variable, tf.Tensor]] = []
        for at_once, run in groupby(stages, lambda stage: stage.at_once):
            following = list(run)  # but one, if it goes step by step
            carried = memory.runs(sig for stage in following for sig in stage.carried)
            if at_once:
                values, after = self._at_once(
                    following, trained, states, state, sequences, carried
                )
            else:
                (stage,) = following
                read = [sig for sig in stage.read if sig in sequences]
                wanted = [*(probed[i] for i in stage.probed), *stage.results]
                step = self._step(
                    trained, stage.groups, carried, read, wanted, stage.earlier
                )
                weights = self.changing
                first = [*map(state.gather, carried), *self._changing_weights(weights)]
                given = [sequences[sig] for sig in read]
                values, after = self._loop(tape, step, trained, given, first)
                changed += zip(weights, after[len(carried) :], strict=True)
            for sig, value in zip(carried, after, strict=False):
                state.scatter(sig, value)
            found = iter(values)
            for stage in following:
                outputs |= zip(stage.probed, found, strict=False)
                sequences |= zip([*stage.results, *stage.earlier], found, strict=False)
        self.changing = [weight for weight, _ in changed]
        return [
            *(outputs[i] for i in range(len(probed))),
            *(state.gather(memory.whole(block)) for block in states),
            *(value for _, value in changed),
        ]

    def _at_once(
        self,
        stages: Sequence[Stage],
        trained: Sequence[tf.Tensor],
        states: Mapping[Block, tf.Tensor],
        state: SignalDict,
        sequences: Mapping[Signal, tf.Tensor],
        carried: Sequence[TensorSignal],
    ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """Compute stages for all steps."""
        program, n_steps, values = self._program, self._n_steps, self._values
        compiled = self._jit_compile and _gains_from_compilation(
            stages, self._config, program.minibatch_size
        )
        config = self._config._replace(
            at_once=True,
            compiles_parts=self._jit_compile and self._config.cpu_only and not compiled,
            contracts=compiled,
            compiled=compiled,
        )
        memory = program.memory
        known_blocks = self._replaced(values.parameters, trained) | dict(states)
        layer_weights = self._replaced(values.layer_weights, trained)

        def compute() -> tuple[list[tf.Tensor], list[tf.Tensor]]:
            after, known = memory.environment(), dict(sequences)
            after.bases = state.bases
            values: list[tf.Tensor] = []
            for stage in stages:
                read = [sig for sig in stage.read if sig in known]
                wanted = [*(program.probed[i] for i in stage.probed), *stage.results]
                before = [after.gather(memory.tensor_signal(x)) for x in stage.earlier]
                found = compute_at_once(
                    stage.groups,
                    n_steps,
                    read,
                    [*wanted, *stage.earlier],
                    memory,
                    known_blocks,
                    config,
                    layer_weights,
                    after,
                )([known[sig] for sig in read])
                for i, first in enumerate(before, len(wanted)):
                    found[i] = tf.concat([first[tf.newaxis], found[i][:-1]], 0)
                later = [*stage.results, *stage.earlier]
                known |= zip(later, found[len(stage.probed) :], strict=True)
                values += found
            return values, [after.gather(sig) for sig in carried]

        if compiled:
            compute = tf.function(compute, jit_compile=True, autograph=False)
        return compute()


def _gains_from_compilation(
    stages: Sequence[Stage], config: BuildConfig, minibatch_size: int
) -> bool:
    """Whether stages at once are compiled: filters, of which each is many operations.

    Few large operations are as fast without.
    """
    builds = [x for stage in stages for x in Builder(stage.groups).op_builds.values()]
    widest = max(sum(x.size for x in (*y.results, *y.earlier)) for y in stages)
    return (
        widest * minibatch_size <= tuning.MAX_COMPILED_SIZE
        and any(x.has_closed_form(config, minibatch_size) for x in builds)
        and not any(x.has_fast_kernels or x.layers for x in builds)
    )
