"""Loops that keep the state of a few steps only for the gradient."""

from __future__ import annotations

from math import isqrt
from typing import Any

import tensorflow as tf

from nengo_dl_core.engine.forward_backward import ForwardBackward, output_of, replaced
from nengo_dl_core.engine.loop import Output, run_loop
from nengo_dl_core.engine.step_gradient import StepGradient


class CheckpointedLoops:
    """The loops of a step that keep the state at the beginning of each segment.

    There are about as many segments as each has steps. The gradient does the steps of
    one segment again at a time (A. Griewank, 1992).

    Parameters
    ----------
    loops : ForwardBackward
        The loops of the step.
    n_steps : int
        How many steps are done.
    jit_compile : bool
        Whether the loops are compiled.
    """

    def __init__(self, loops: ForwardBackward, n_steps: int, jit_compile: bool) -> None:
        self._length = isqrt(n_steps - 1) + 1 if n_steps else 1
        self._n_segments = -(-n_steps // self._length)
        self._n_steps = n_steps
        self._loops = loops.of_length(self._length)
        self.learned = loops.learned
        how = {"jit_compile": jit_compile or None, "autograph": False}
        self.forward = tf.function(self._forward, **how)
        self.gradient = tf.function(self._gradient, **how)

    @property
    def found(self) -> StepGradient:
        """The gradient of the step."""
        return self._loops.found

    def _steps(self, segment: tf.Tensor, first_step: tf.Tensor) -> tuple[Any, Any]:
        """Find how many steps a segment has, and the number of the first."""
        start = segment * self._length
        n_steps = tf.minimum(self._length, self._n_steps - start)
        return n_steps, first_step + tf.cast(start, first_step.dtype)

    def _divided(self, x: tf.Tensor) -> tf.Tensor:
        """Divide something into segments, ``(n_segments, length, ...)``."""
        n_missing = self._n_segments * self._length - self._n_steps
        x = tf.pad(x[: self._n_steps], [(0, n_missing)] + [(0, 0)] * (x.shape.rank - 1))
        return tf.reshape(x, (self._n_segments, self._length, *x.shape[1:]))

    def _joined(self, x: tf.Tensor) -> tf.Tensor:
        """Join what was divided into segments, ``(n_steps, ...)``."""
        return tf.reshape(x, (-1, *x.shape[2:]))[: self._n_steps]

    def _output(self, x: Any, rows: tf.Tensor | None = None) -> Output:
        """The buffer of what the steps of each segment put out."""
        shape = (self._length, *x.shape)
        return Output(self._n_segments, shape, x.dtype.name, rows)

    def _forward(
        self,
        n_steps: int,
        first_step: tf.Tensor,
        inputs: list[tf.Tensor],
        states: list[tf.Tensor],
        keep: bool,
    ) -> tuple[list[tf.Tensor], list[tf.Tensor], list[tf.Tensor]]:
        """Do the segments; also gives the states before each."""

        def do_segment(
            i: tf.Tensor, inputs: list[tf.Tensor], states: list[tf.Tensor]
        ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
            arguments = *self._steps(i, first_step), inputs, states
            values, new_states, _ = self._loops.run(*arguments, keep=False)
            return [*values, *states], new_states

        step = self._loops.step
        arrays, states = run_loop(
            do_segment,
            self._n_segments,
            tf.constant(0),
            list(map(self._divided, inputs)),
            states,
            [
                *map(self._output, step.values),
                *(output_of(x, self._n_segments) for x in step.states),
            ],
        )
        n_values = len(step.values)
        return list(map(self._joined, arrays[:n_values])), states, arrays[n_values:]

    def _gradient(
        self,
        n_steps: int,
        first_step: tf.Tensor,
        inputs: list[tf.Tensor],
        kept: list[tf.Tensor],
        d_values: list[tf.Tensor],
        d_states: list[tf.Tensor],
    ) -> tuple[list[tf.Tensor], list[tf.Tensor], dict[str, tf.Tensor]]:
        """Go back through the segments, doing the steps of each again."""
        found, n_carried = self.found, len(self.found.carried)
        d_inputs = found.function.structured_outputs[0]
        read = {x.name: x for x in found.read}
        read.update(
            (x.name, x)
            for x in (self._loops.step.products[i].weights for i in found.products)
        )
        inputs, d_values = (
            list(map(self._divided, values)) for values in (inputs, d_values)
        )

        def go_back(
            number: tf.Tensor, _: list[tf.Tensor], carried: list[tf.Tensor]
        ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
            i = self._n_segments - 1 - number
            steps, of_segment = self._steps(i, first_step), [x[i] for x in inputs]
            before = [x[i] for x in kept]
            (_, _, known) = self._loops.run(*steps, of_segment, before, keep=True)
            d_after = replaced(carried[:n_carried], found.carried, before)
            d_inputs, d_before, d_learned = self._loops.gradient(
                *steps, of_segment, known, [x[i] for x in d_values], d_after
            )
            sums = zip(carried[n_carried:], read, strict=True)
            return d_inputs, [*d_before, *(total + d_learned[x] for total, x in sums)]

        rows = self._n_segments - 1 - tf.range(self._n_segments)
        carried = [d_states[i] for i in found.carried]
        arrays, carried = run_loop(
            go_back,
            self._n_segments,
            tf.constant(0),
            [],
            [*carried, *map(tf.zeros_like, read.values())],
            [self._output(x, rows) for x in d_inputs],
        )
        d_learned = dict(zip(read, carried[n_carried:], strict=True))
        return list(map(self._joined, arrays)), carried[:n_carried], d_learned
