"""A simulation loop whose gradient is a loop of gradients.

TensorFlow's own gradient of a loop keeps every intermediate value of every step. Here
the loop keeps, for each step, the state before it and what large sums it has formed. A
second loop goes through the steps in reverse order, computes each of them again from
what was kept, and takes its gradient. The gradients of large weights are products
over all steps, and follow after it.

Both loops are functions of tensors, and compiled as such. So what is around them need
not be compiled, and they may be where `tf.distribute` puts them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import tensorflow as tf

from nengo_dl_core.builders.products import MultiplyingStep
from nengo_dl_core.engine.checkpoints import CheckpointedLoops
from nengo_dl_core.engine.forward_backward import ForwardBackward, output_of, split
from nengo_dl_core.engine.loop import run_loop
from nengo_dl_core.engine.step_gradient import (
    TracedStep,
    is_float,
    size_of,
    with_results_given,
)

# Bytes that may be kept for the gradient before there are checkpoints.
_MAX_KEPT = 2**29


def run_differentiable_loop(
    step: MultiplyingStep,
    n_steps: int | tf.Tensor,
    first_step: tf.Tensor,
    inputs: Sequence[tf.Tensor],
    states: Sequence[tf.Tensor],
    *,
    tape: tf.GradientTape,
    is_learned: Callable[[tf.Tensor], bool],
    unroll: int = 1,
    use_loop: bool = True,
    jit_compile: bool = True,
    of_first_state: bool = True,
    expected: bool = True,
    checkpoints: bool | None = None,
) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Repeat a step, so that the result has a gradient.

    Parameters
    ----------
    step : callable
        Computes the values to put out and the new state from the number of the step,
        its inputs, the state, and a function to multiply by weights with.
    n_steps : int or tf.Tensor
        How many steps to run.
    first_step : tf.Tensor
        Number of the first step.
    inputs : list of tf.Tensor
        Inputs of all steps, ``(n_steps, minibatch_size, ...)``.
    states : list of tf.Tensor
        State before the first step.
    tape : tf.GradientTape
        The one tape that is recording.
    is_learned : callable
        Whether something that was computed before the loop depends on what the gradient
        is taken by.
    unroll : int
        How many steps are built into one round of the loops.
    use_loop : bool
        If not, exactly ``unroll`` steps are built, one after the other.
    jit_compile : bool
        Whether the loops are compiled.
    of_first_state : bool
        Whether the gradient of the state before the first step is needed.
    expected : bool
        Whether the gradient is likely to be taken. If not, nothing is kept for it, and
        all steps are computed again should it be.
    checkpoints : bool, optional
        Whether the state is kept for some steps only, about the square root of their
        number, and the steps in between are computed again for the gradient. By default
        it is if what is kept otherwise would take more than half a gibibyte. Where
        nothing is kept, or there is no loop of a known number of steps, it makes no
        difference.

    Returns
    -------
    values : list of tf.Tensor
        What the steps put out, ``(n_steps, minibatch_size, ...)``.
    states : list of tf.Tensor
        State after the last step.
    """
    options: dict[str, Any] = {"unroll": unroll, "use_loop": use_loop}
    of_step = [tf.TensorSpec(x.shape[1:], x.dtype) for x in inputs]
    of_state = [tf.TensorSpec(x.shape, x.dtype) for x in states]
    traced = TracedStep(step, of_step, of_state)
    if not traced.repeatable:
        outputs = [output_of(x, n_steps) for x in traced.values]
        arguments = n_steps, first_step, inputs, states, outputs
        return run_loop(step, *arguments, **options)

    def loops_of(traced: TracedStep) -> ForwardBackward:
        learned = [x for x in traced.captured if is_float(x) and is_learned(x)]
        gradient = cache(lambda: traced.gradient(learned, of_first_state))
        return ForwardBackward(traced, learned, gradient, n_steps, options, jit_compile)

    if not (isinstance(n_steps, int) and use_loop and expected):
        checkpoints = False
    by_step, early = loops_of(traced), list(traced.of_inputs)
    loops: ForwardBackward | CheckpointedLoops = by_step
    if early and not checkpoints:
        step = with_results_given(step, len(inputs), early)
        results = [traced.results[i] for i in early]
        loops = loops_of(TracedStep(step, [*of_step, *results], of_state))
    if checkpoints is None:
        n_bytes = loops.found.n_bytes + size_of(traced.results[i] for i in early)
        checkpoints = n_steps * n_bytes > _MAX_KEPT
    if checkpoints:
        early, loops = [], CheckpointedLoops(by_step, n_steps, jit_compile)
    inputs = [*inputs, *(traced.at_once(i, inputs) for i in early)]
    n_values = len(traced.values)

    @tf.custom_gradient
    def differentiable(*tensors: tf.Tensor) -> tuple[list[tf.Tensor], Any]:
        arguments = split(tensors, inputs, states, loops.learned)[:2]
        with tape.stop_recording():
            values, new_states, kept = loops.forward(
                n_steps, first_step, *arguments, keep=expected
            )

        def gradient(*upstream: tf.Tensor) -> list[tf.Tensor | None]:
            known = kept
            if not expected:
                (_, _, known) = loops.forward(
                    n_steps, first_step, *arguments, keep=True
                )
            pairs = zip(upstream, (*values, *new_states), strict=True)
            all_upstream = [
                d_x if is_float(x) else tf.zeros_like(x) for d_x, x in pairs
            ]
            d_inputs, d_first, d_learned = loops.gradient(
                n_steps,
                first_step,
                arguments[0],
                known,
                all_upstream[:n_values],
                all_upstream[n_values:],
            )
            return [
                *_filled(d_inputs, loops.found.inputs, len(inputs)),
                *_filled(d_first, loops.found.carried, len(states)),
                *(d_learned.get(x.name) for x in loops.learned),
            ]

        return [*values, *new_states], gradient

    outputs = differentiable(*inputs, *states, *loops.learned)
    return list(outputs[:n_values]), list(outputs[n_values:])


def _filled(
    values: Sequence[tf.Tensor], places: Sequence[int], length: int
) -> list[tf.Tensor | None]:
    """Put values in their places, and None in all others."""
    found = dict(zip(places, values, strict=True))
    return [found.get(i) for i in range(length)]
