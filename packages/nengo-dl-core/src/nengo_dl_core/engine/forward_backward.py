"""The loop of a step, and the loop of its gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import tensorflow as tf

from nengo_dl_core.engine.loop import Output, run_loop
from nengo_dl_core.engine.step_gradient import StepGradient, TracedStep


class ForwardBackward:
    """The loop of a step, and the loop of its gradient.

    Parameters
    ----------
    step : TracedStep
        The step.
    learned : list of tf.Tensor
        What of that it captures a gradient is needed of.
    step_gradient : callable
        Gives the gradient of the step, which is traced when it is first needed.
    length : int or tf.Tensor
        How many steps are done at most.
    options : dict
        How `run_loop` runs them.
    jit_compile : bool
        Whether the loops are compiled.
    """

    def __init__(
        self,
        step: TracedStep,
        learned: list[tf.Tensor],
        step_gradient: Callable[[], StepGradient],
        length: int | tf.Tensor,
        options: dict[str, Any],
        jit_compile: bool,
    ) -> None:
        self.step = step
        self.learned = learned
        self._step_gradient = step_gradient
        self.length = length
        self._options = options
        how = {"jit_compile": jit_compile or None, "autograph": False}
        self.forward = tf.function(self.run, **how)
        self._backward = tf.function(self.go_back, **how)

    @property
    def found(self) -> StepGradient:
        """The gradient of the step."""
        return self._step_gradient()

    def of_length(self, length: int) -> ForwardBackward:
        """The same step, done another number of times within what is compiled."""
        gradient, options = self._step_gradient, self._options
        return ForwardBackward(
            self.step, self.learned, gradient, length, options, False
        )

    def run(
        self,
        n_steps: int | tf.Tensor,
        first_step: tf.Tensor,
        inputs: list[tf.Tensor],
        states: list[tf.Tensor],
        keep: bool,
    ) -> tuple[list[tf.Tensor], list[tf.Tensor], list[tf.Tensor]]:
        """Do the steps; also gives what is kept for the gradient."""
        step = self.step
        needs_states = self.found.needs_states if keep else []
        needs_kept = self.found.needs_kept if keep else []
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

        arrays, states = run_loop(
            keeping,
            n_steps,
            first_step,
            inputs,
            states,
            [output_of(x, self.length) for x in (*step.values, *before, *results)],
            **self._options,
        )
        n_values = len(step.values)
        return arrays[:n_values], states, arrays[n_values:]

    def gradient(
        self,
        n_steps: int | tf.Tensor,
        first_step: tf.Tensor,
        inputs: list[tf.Tensor],
        kept: list[tf.Tensor],
        d_values: list[tf.Tensor],
        d_states: list[tf.Tensor],
    ) -> tuple[list[tf.Tensor], list[tf.Tensor], dict[str, tf.Tensor]]:
        """Compute the gradients of inputs, states and what is learned, by its names."""
        d_inputs, d_first, d_read, pairs = self._backward(
            n_steps, first_step, inputs, kept, d_values, d_states
        )
        of_learned: dict[str, tf.Tensor] = {}
        parts = [(x.name, d_x) for x, d_x in zip(self.found.read, d_read, strict=True)]
        for i, pair in zip(self.found.products, pairs, strict=True):
            product = self.step.products[i]
            parts.append((product.weights.name, product.gradient(*pair)))
        for name, d_x in parts:
            of_learned[name] = of_learned[name] + d_x if name in of_learned else d_x
        return d_inputs, d_first, of_learned

    def go_back(
        self,
        n_steps: int | tf.Tensor,
        first_step: tf.Tensor,
        inputs: list[tf.Tensor],
        kept: list[tf.Tensor],
        d_values: list[tf.Tensor],
        d_states: list[tf.Tensor],
    ) -> tuple[Any, ...]:
        """Do the gradients of the steps, beginning with the last."""
        step, found = self.step, self.found
        n_carried = len(found.carried)
        d_inputs, _, d_read, pairs = found.function.structured_outputs

        def going_back(
            number: tf.Tensor, _: list[tf.Tensor], carried: list[tf.Tensor]
        ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
            i = n_steps - 1 - number
            before, results = split(
                [x[i] for x in kept], found.needs_states, found.needs_kept
            )
            d_inputs, d_before, d_read, pairs = found.function(
                first_step + tf.cast(i, first_step.dtype),
                [x[i] for x in inputs],
                replaced(before, found.needs_states, step.states),
                replaced(results, found.needs_kept, step.kept),
                [x[i] for x in d_values],
                replaced(carried[:n_carried], found.carried, step.states),
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

        rows = n_steps - 1 - tf.range(self.length)
        outputs = tf.nest.flatten([d_inputs, pairs])
        carried = [d_states[i] for i in found.carried]
        arrays, carried = run_loop(
            going_back,
            n_steps,
            tf.constant(0),
            [],
            [*carried, *map(tf.zeros_like, d_read)],
            [output_of(x, self.length, rows) for x in outputs],
            **self._options,
        )
        d_inputs, pairs = tf.nest.pack_sequence_as([d_inputs, pairs], arrays)
        return d_inputs, carried[:n_carried], carried[n_carried:], pairs


def output_of(
    x: tf.Tensor | tf.TensorSpec, length: int | tf.Tensor, rows: tf.Tensor | None = None
) -> Output:
    """Describe the buffer in which a value of each step is collected."""
    return Output(length, tuple(x.shape), x.dtype.name, rows)


def split(values: Iterable[tf.Tensor], *parts: Sequence[Any]) -> list[list[tf.Tensor]]:
    """Divide values into parts as long as others."""
    values = list(values)
    stops = accumulate(map(len, parts), initial=0)
    return [values[start:stop] for start, stop in pairwise(stops)]


def replaced(
    values: Sequence[tf.Tensor], places: Sequence[int], specs: Sequence[tf.TensorSpec]
) -> list[tf.Tensor]:
    """Put values in their places, and zeros, which nothing is made of, in others."""
    found = dict(zip(places, values, strict=True))
    return [
        found[i] if i in found else tf.zeros(spec.shape, spec.dtype)
        for i, spec in enumerate(specs)
    ]
