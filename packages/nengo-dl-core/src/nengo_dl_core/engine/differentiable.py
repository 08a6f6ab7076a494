"""A simulation that is differentiated by loops of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any

import tensorflow as tf

from nengo_dl_core.builders.base import BuildConfig, Builder
from nengo_dl_core.builders.products import MultiplyingStep
from nengo_dl_core.engine.dataflow import dependent
from nengo_dl_core.engine.gradient_loop import run_differentiable_loop
from nengo_dl_core.engine.loop import run_loop
from nengo_dl_core.engine.own_gradient import with_own_gradient
from nengo_dl_core.engine.step import Results, StepMaker, Values, probe_buffer
from nengo_dl_core.program.program import Program


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
    n_steps = n_steps if known is None else int(known)
    memory, n_trained = program.memory, len(trained)
    used = [source.signal in program.optimized.layout for source in program.inputs]
    sources = [source.signal for source in compress(program.inputs, used)]
    states = memory.unpacked(values.states)
    carried = [memory.whole(block) for block in states]
    changing: list[Any] = []

    def prepared(tensors: Sequence[tf.Tensor]) -> MultiplyingStep:
        """Make the step from the trained values."""
        new = dict(zip(map(id, trained), tensors, strict=True))

        def replaced(old: Mapping[Any, tf.Tensor]) -> dict[Any, tf.Tensor]:
            return {key: new.get(id(x), x) for key, x in old.items()}

        signals, builder = memory.environment(), Builder(program.optimized.plan)
        memory.bind(signals, replaced(values.parameters))
        builder.build_pre(signals, config)
        changing[:] = builder.changing_weights
        make_step = StepMaker(
            program,
            config,
            builder,
            signals,
            carried,
            replaced(values.layer_weights),
            draw_offset,
        )
        return make_step(sources, program.probed, None)

    def initial() -> list[tf.Tensor]:
        weights = [values.layer_weights[id(x)] for x in changing]
        return [tf.stop_gradient(x) for x in (*states.values(), *weights)]

    def compute(tape: tf.GradientTape, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        weights, sequences = tensors[:n_trained], tensors[n_trained:]
        step = prepared(weights)
        learned = dependent(weights, weights[0].graph) if weights else set()
        outputs, after = run_differentiable_loop(
            step,
            n_steps,
            values.n_steps + 1,
            sequences,
            initial(),
            tape=tape,
            is_learned=lambda x: x.name in learned,
            unroll=program.unroll,
            use_loop=program.use_loop,
            jit_compile=jit_compile,
            of_first_state=False,
            expected=config.training,
        )
        return [*outputs, *after]

    def plain(tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        step = prepared(tensors[:n_trained])
        outputs, after = run_loop(
            step,
            n_steps,
            values.n_steps + 1,
            tensors[n_trained:],
            initial(),
            [probe_buffer(program, sig, n_steps) for sig in program.probed],
            program.unroll,
            use_loop=program.use_loop,
        )
        return [*outputs, *after]

    found = with_own_gradient(compute, plain, [*trained, *compress(inputs, used)])
    n_outputs, n_states = len(program.probed), len(states)
    outputs, after = found[:n_outputs], found[n_outputs:]
    return Results(
        outputs,
        memory.packed(after[:n_states]),
        list(zip(changing, after[n_states:], strict=True)),
    )
