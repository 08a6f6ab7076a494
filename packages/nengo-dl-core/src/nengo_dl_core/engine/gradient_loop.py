"""A simulation loop whose gradient is a loop of gradients.

TensorFlow's own gradient of a loop keeps every intermediate value of every step. Here
the loop keeps, for each step, the state before it and what large sums it has formed. A
second loop goes through the steps in reverse order, computes each of them again from
what was kept, and takes its gradient. The gradients of weights are products over all
steps, and follow after it.

Both loops are functions of tensors, and compiled as such. So what is around them need
not be compiled, and they may be where `tf.distribute` puts them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import accumulate, pairwise
from math import isqrt
from typing import Any

import tensorflow as tf

from nengo_dl_core.builders.products import MultiplyingStep
from nengo_dl_core.engine.loop import Output, run_loop
from nengo_dl_core.engine.step_gradient import (
    StepGradient,
    TracedStep,
    is_float,
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
        it is if what is kept otherwise would take more than half a gibibyte.

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
        outputs = [_output(x, n_steps) for x in traced.values]
        arguments = n_steps, first_step, inputs, states, outputs
        return run_loop(step, *arguments, **options)
    early = list(traced.of_inputs)
    if early:
        step = with_results_given(step, len(inputs), early)
        results = [traced.results[i] for i in early]
        whole, traced = traced, TracedStep(step, [*of_step, *results], of_state)
    learned = [x for x in traced.captured if is_float(x) and is_learned(x)]
    step_gradient = cache(lambda: traced.gradient(learned, of_first_state))

    def run(
        n_steps: int | tf.Tensor,
        first_step: tf.Tensor,
        inputs: Sequence[tf.Tensor],
        states: Sequence[tf.Tensor],
        keep: bool = False,
    ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        inputs = [*inputs, *(whole.at_once(i, inputs) for i in early)]
        loops = _Loops(traced, step_gradient, n_steps, first_step, options, jit_compile)

        @tf.custom_gradient
        def differentiable(*tensors: tf.Tensor) -> tuple[list[tf.Tensor], Any]:
            inputs, states, _ = _split(tensors, traced.inputs, traced.states, learned)
            with tape.stop_recording():
                values, new_states, kept = loops.forward(inputs, states, keep)

            def gradient(*upstream: tf.Tensor) -> list[tf.Tensor | None]:
                known = kept if keep else loops.forward(inputs, states, True)[2]
                pairs = zip(upstream, (*values, *new_states), strict=True)
                all_upstream = [
                    d_x if is_float(x) else tf.zeros_like(x) for d_x, x in pairs
                ]
                d_values, d_states = _split(all_upstream, traced.values, traced.states)
                return loops.gradient(learned, inputs, known, d_values, d_states)

            return [*values, *new_states], gradient

        results = differentiable(*inputs, *states, *learned)
        values, new_states = _split(results, traced.values, traced.states)
        return values, new_states

    if not expected:
        return run(n_steps, first_step, inputs, states)
    found = step_gradient()
    if checkpoints is None and isinstance(n_steps, int):
        kept = [traced.states[i] for i in found.needs_states]
        kept += [traced.kept[i] for i in found.needs_kept]
        sizes = [x.shape.num_elements() * x.dtype.size for x in kept]
        checkpoints = n_steps * sum(sizes) > _MAX_KEPT
    if not checkpoints or not isinstance(n_steps, int) or not use_loop:
        return run(n_steps, first_step, inputs, states, keep=True)
    return _run_in_segments(run, n_steps, first_step, inputs, states, traced.values)


def _run_in_segments(
    run: Callable[..., tuple[list[tf.Tensor], list[tf.Tensor]]],
    n_steps: int,
    first_step: tf.Tensor,
    inputs: Sequence[tf.Tensor],
    states: Sequence[tf.Tensor],
    outputs: Sequence[tf.TensorSpec],
) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Do as many segments as each has steps, of which TensorFlow takes the gradient.

    It keeps what the gradient of a segment reads, which is the state before it.
    """
    n_segments = isqrt(n_steps)
    length = n_steps // n_segments
    n_done = n_segments * length
    blocks = [
        tf.TensorArray(
            x.dtype, n_segments, element_shape=(length, *x.shape[1:])
        ).unstack(tf.reshape(x[:n_done], (n_segments, length, *x.shape[1:])))
        for x in inputs
    ]
    arrays = [
        tf.TensorArray(x.dtype, n_segments, element_shape=(length, *x.shape))
        for x in outputs
    ]

    def segment(i: tf.Tensor, states: Any, arrays: Any) -> Any:
        start = first_step + tf.cast(i * length, first_step.dtype)
        values, states = run(length, start, [x.read(i) for x in blocks], states)
        pairs = zip(arrays, values, strict=True)
        return i + 1, states, [array.write(i, value) for array, value in pairs]

    _, states, arrays = tf.while_loop(
        lambda i, *_: i < n_segments,
        segment,
        (tf.constant(0), list(states), arrays),
        parallel_iterations=1,
        maximum_iterations=n_segments,
    )
    values = [
        tf.reshape(array.stack(), (n_done, *x.shape))
        for array, x in zip(arrays, outputs, strict=True)
    ]
    if n_done == n_steps:
        return values, list(states)
    rest, states = run(
        n_steps - n_done, first_step + n_done, [x[n_done:] for x in inputs], states
    )
    return [tf.concat(x, 0) for x in zip(values, rest, strict=True)], list(states)


class _Loops:
    """The loop of a step, and the loop of its gradient."""

    def __init__(
        self,
        step: TracedStep,
        step_gradient: Callable[[], StepGradient],
        n_steps: int | tf.Tensor,
        first_step: tf.Tensor,
        options: dict[str, Any],
        jit_compile: bool,
    ) -> None:
        self._step = step
        self._gradient = step_gradient
        self._n_steps = n_steps
        self._first_step = first_step
        self._options = options
        how = {"jit_compile": jit_compile or None, "autograph": False}
        self.forward = tf.function(self._forward, **how)
        self._backward = tf.function(self._go_back, **how)

    def _forward(
        self, inputs: list[tf.Tensor], states: list[tf.Tensor], keep: bool
    ) -> tuple[list[tf.Tensor], list[tf.Tensor], list[tf.Tensor]]:
        """Do the steps; also gives what is kept for the gradient."""
        step = self._step
        needs_states = self._gradient().needs_states if keep else []
        needs_kept = self._gradient().needs_kept if keep else []
        before = [step.states[i] for i in needs_states]
        results = [step.kept[i] for i in needs_kept]

        def keeping(
            number: tf.Tensor, inputs: list[tf.Tensor], states: list[tf.Tensor]
        ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
            values, new_states, kept = step(number, inputs, states)
            return [
                *values,
                *(states[i] for i in needs_states),
                *(kept[i] for i in needs_kept),
            ], new_states

        outputs = [
            _output(spec, self._n_steps) for spec in (*step.values, *before, *results)
        ]
        arrays, states = run_loop(
            keeping,
            self._n_steps,
            self._first_step,
            inputs,
            states,
            outputs,
            **self._options,
        )
        n_values = len(step.values)
        return arrays[:n_values], states, arrays[n_values:]

    def gradient(
        self,
        learned: Sequence[tf.Tensor],
        inputs: Sequence[tf.Tensor],
        kept: Sequence[tf.Tensor],
        d_values: Sequence[tf.Tensor],
        d_states: Sequence[tf.Tensor],
    ) -> list[tf.Tensor | None]:
        """Compute the gradients of inputs, states and what is learned."""
        step, found = self._step, self._gradient()
        d_inputs, d_first, d_read, pairs = self._backward(
            list(inputs), kept, d_values, d_states
        )
        of_learned: dict[str, tf.Tensor] = {}
        parts = [(x.name, d_x) for x, d_x in zip(found.read, d_read, strict=True)]
        for i, pair in zip(found.products, pairs, strict=True):
            product = step.products[i]
            parts.append((product.weights.name, product.gradient(*pair)))
        for name, d_x in parts:
            of_learned[name] = of_learned[name] + d_x if name in of_learned else d_x
        return [
            *_filled(d_inputs, found.inputs, len(step.inputs)),
            *_filled(d_first, found.carried, len(step.states)),
            *(of_learned.get(x.name) for x in learned),
        ]

    def _go_back(
        self,
        inputs: Sequence[tf.Tensor],
        kept: Sequence[tf.Tensor],
        d_values: Sequence[tf.Tensor],
        d_states: Sequence[tf.Tensor],
    ) -> tuple[Any, ...]:
        """Do the gradients of the steps, beginning with the last."""
        step, found, n_steps = self._step, self._gradient(), self._n_steps
        n_carried = len(found.carried)
        d_inputs, _, d_read, pairs = found.function.structured_outputs

        def going_back(
            number: tf.Tensor, _: list[tf.Tensor], carried: list[tf.Tensor]
        ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
            i = n_steps - 1 - number
            before, results = _split(
                [x[i] for x in kept], found.needs_states, found.needs_kept
            )
            d_inputs, d_before, d_read, pairs = found.function(
                self._first_step + tf.cast(i, self._first_step.dtype),
                [x[i] for x in inputs],
                _replaced(before, found.needs_states, step.states),
                _replaced(results, found.needs_kept, step.kept),
                [x[i] for x in d_values],
                _replaced(carried[:n_carried], found.carried, step.states),
            )
            of_state = dict(zip(found.states, d_before, strict=True))
            sums = zip(carried[n_carried:], d_read, strict=True)
            return [*d_inputs, *tf.nest.flatten(pairs)], [
                *(
                    of_state[i] if i in of_state else tf.zeros_like(old)
                    for i, old in zip(found.carried, carried, strict=False)
                ),
                *(total + x for total, x in sums),
            ]

        rows = n_steps - 1 - tf.range(n_steps)
        outputs = tf.nest.flatten([d_inputs, pairs])
        carried = [d_states[i] for i in found.carried]
        arrays, carried = run_loop(
            going_back,
            n_steps,
            tf.constant(0),
            [],
            [*carried, *map(tf.zeros_like, d_read)],
            [_output(x, n_steps, rows) for x in outputs],
            **self._options,
        )
        d_inputs, pairs = tf.nest.pack_sequence_as([d_inputs, pairs], arrays)
        return d_inputs, carried[:n_carried], carried[n_carried:], pairs


def _output(
    x: tf.Tensor | tf.TensorSpec, length: int | tf.Tensor, rows: tf.Tensor | None = None
) -> Output:
    return Output(length, tuple(x.shape), x.dtype.name, rows)


def _split(values: Iterable[tf.Tensor], *parts: Sequence[Any]) -> list[list[tf.Tensor]]:
    """Divide values into parts as long as others."""
    values = list(values)
    stops = accumulate(map(len, parts), initial=0)
    return [values[start:stop] for start, stop in pairwise(stops)]


def _filled(
    values: Sequence[tf.Tensor], places: Sequence[int], length: int
) -> list[tf.Tensor | None]:
    """Put values in their places, and None in all others."""
    found = dict(zip(places, values, strict=True))
    return [found.get(i) for i in range(length)]


def _replaced(
    values: Sequence[tf.Tensor], places: Sequence[int], specs: Sequence[tf.TensorSpec]
) -> list[tf.Tensor]:
    """Put values in their places, and zeros, which nothing is made of, in others."""
    found = dict(zip(places, values, strict=True))
    return [
        found[i] if i in found else tf.zeros(spec.shape, spec.dtype)
        for i, spec in enumerate(specs)
    ]
