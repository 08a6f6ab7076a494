"""A step of a simulation and its gradient, traced once each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import accumulate, count, pairwise
from typing import Any, NamedTuple

import tensorflow as tf

from nengo_dl_core.builders.products import (
    Function,
    Multiplication,
    Multiply,
    MultiplyingStep,
    RepeatedMultiplication,
    is_from_before,
    multiplied,
)
from nengo_dl_core.engine.dataflow import Needed

_NUMBER = tf.TensorSpec((), tf.int64)


class StepGradient(NamedTuple):
    """The gradient of a step, and what of it there is.

    Attributes
    ----------
    function : callable
        Takes the number of the step, its inputs, states and kept results of products,
        the gradients of its values, and those of the state after. Gives the gradients
        of `inputs`, of `states` and of what is `read`; and for each product what it has
        multiplied, and the gradient of its result.
    inputs, states : list of int
        The inputs and states that have a gradient.
    carried : list of int
        The states whose gradient the step before needs.
    read : list of tf.Tensor
        What the step reads besides, and whose gradient is summed up step by step.
    products : list of int
        The other products whose weights have a gradient.
    needs_states, needs_kept : list of int
        States and kept results that the gradient is computed from.
    n_bytes : int
        How much these take for a step.
    """

    function: Any
    inputs: list[int]
    states: list[int]
    carried: list[int]
    read: list[tf.Tensor]
    products: list[int]
    needs_states: list[int]
    needs_kept: list[int]
    n_bytes: int


class TracedStep:
    """A step, traced when it is made.

    Parameters
    ----------
    step : callable
        The step.
    inputs, states : list of tf.TensorSpec
        Shapes and types of its inputs and states.

    Attributes
    ----------
    products : list of Product
        The products of the step.
    values : list of tf.TensorSpec
        Shapes and types of what the step puts out.
    kept : list of tf.TensorSpec
        Shapes and types of the results of products that are kept.
    captured : list of tf.Tensor
        What the step reads besides, computed before the first step.
    results : list of tf.TensorSpec
        Shapes and types of the results of products.
    of_inputs : dict of {int: int}
        Large products of inputs alone: the product, and the input.
    repeatable : bool
        Whether it gives the same when it is computed again. It does not if it draws
        random numbers, changes a variable or calls Python.
    """

    def __init__(
        self,
        step: MultiplyingStep,
        inputs: Sequence[tf.TensorSpec],
        states: Sequence[tf.TensorSpec],
    ) -> None:
        self._step = step
        self.inputs, self.states = list(inputs), list(states)
        multiplication = Multiplication()
        self.products = multiplication.products

        def compute(number: Any, inputs: Any, states: Any) -> Any:
            values, new_states = step(number, inputs, states, multiplication)
            pairs = zip(multiplication.results, self.products, strict=True)
            return values, new_states, [x for x, product in pairs if product.kept]

        self._function = _traced(compute, _NUMBER, self.inputs, self.states)
        values, _, kept = self._function.structured_outputs
        self.values, self.kept = list(map(_spec, values)), list(map(_spec, kept))
        self.captured = self._function.captured_inputs
        names = [x.name for x in self._function.inputs[1 : 1 + len(self.inputs)]]
        self.results = list(map(_spec, multiplication.results))
        self._factors = list(map(_spec, multiplication.factors))
        origins = [_reshaped_from(x).name for x in multiplication.factors]
        self.of_inputs = {
            i: names.index(origin)
            for i, origin in enumerate(origins)
            if origin in names and self.products[i].kept
        }
        self.repeatable = not any(
            op.op_def.is_stateful for op in self._function.graph.get_operations()
        )

    def __call__(
        self, number: tf.Tensor, inputs: list[tf.Tensor], states: list[tf.Tensor]
    ) -> tuple[list[tf.Tensor], list[tf.Tensor], list[tf.Tensor]]:
        """Compute a step.

        Parameters
        ----------
        number : tf.Tensor
            Number of the step.
        inputs, states : list of tf.Tensor
            Its inputs, and the state before.

        Returns
        -------
        values, states, kept : list of tf.Tensor
            What it puts out, the state after, and the results of products to be kept.
        """
        values, new_states, kept = self._function(number, inputs, states)
        return values, new_states, kept

    def at_once(self, product: int, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        """Compute a product of an input for several steps.

        Parameters
        ----------
        product : int
            A product among `of_inputs`.
        inputs : list of tf.Tensor
            The inputs of these steps, ``(n_steps, minibatch_size, ...)``.

        Returns
        -------
        results : tf.Tensor
            The results, ``(n_steps, minibatch_size, ...)``.
        """
        x = inputs[self.of_inputs[product]]
        shape = (x.shape[0] or -1, *self._factors[product].shape)
        return self.products[product].at_once(tf.reshape(x, shape))

    def gradient(
        self, learned: Sequence[tf.Tensor], of_first_state: bool
    ) -> StepGradient:
        """Trace the gradient of the step.

        Parameters
        ----------
        learned : list of tf.Tensor
            What of `captured` a gradient is needed of.
        of_first_state : bool
            Whether the gradient of the state before the first step is needed.

        Returns
        -------
        gradient : StepGradient
            The gradient.
        """
        names = {x.name for x in learned}
        products = [
            i
            for i, x in enumerate(self.products)
            if x.weights.name in names and not x.summed
        ]
        there: list[list[int]] = []

        def compute(
            number: tf.Tensor,
            inputs: list[tf.Tensor],
            states: list[tf.Tensor],
            kept: list[tf.Tensor],
            d_values: list[tf.Tensor],
            d_states: list[tf.Tensor],
        ) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(list(filter(is_float, (*inputs, *states, *learned))))
                again = RepeatedMultiplication(self.products, kept, tape)
                values, new_states = self._step(number, inputs, states, again)
            upstream = zip((*values, *new_states), (*d_values, *d_states), strict=True)
            targets = [(x, d_x) for x, d_x in upstream if is_float(x)]
            *gradients, d_results = tape.gradient(
                [x for x, _ in targets],
                [inputs, states, list(learned), again.results],
                [d_x for _, d_x in targets],
            )
            there[:] = [
                [i for i, x in enumerate(found) if x is not None] for found in gradients
            ]
            pairs = [
                (
                    again.factors[i],
                    tf.zeros_like(again.results[i])
                    if d_results[i] is None
                    else d_results[i],
                )
                for i in products
            ]
            return [*([x for x in d if x is not None] for d in gradients), pairs]

        parts = [self.inputs, self.states, self.kept, self.values, self.states]
        function = _traced(compute, _NUMBER, *parts)
        stops = list(accumulate(map(len, parts), initial=1))
        _, states, kept, _, d_after = (
            function.inputs[start:stop] for start, stop in pairwise(stops)
        )
        d_inputs, d_before, *others = function.structured_outputs
        of_inputs, of_states, of_learned = there
        needed = Needed()
        needed.add(tf.nest.flatten([d_inputs, others]))
        n_needed = -1
        while n_needed < len(needed.names):
            n_needed = len(needed.names)
            carried = needed.among(d_after)
            if of_first_state:
                carried = sorted({*carried, *of_states})
            needed.add(
                x for i, x in zip(of_states, d_before, strict=True) if i in carried
            )
        needs_states, needs_kept = needed.among(states), needed.among(kept)
        needs = [states[i] for i in needs_states] + [kept[i] for i in needs_kept]
        return StepGradient(
            function,
            of_inputs,
            of_states,
            carried,
            [learned[i] for i in of_learned],
            products,
            needs_states,
            needs_kept,
            size_of(needs),
        )


def with_results_given(
    step: MultiplyingStep, n_inputs: int, given: Collection[int]
) -> MultiplyingStep:
    """Let a step take the results of some of its products as further inputs.

    Parameters
    ----------
    step : callable
        The step.
    n_inputs : int
        How many inputs it has.
    given : list of int
        The products.

    Returns
    -------
    step : callable
        The same, with more inputs.
    """

    def step_with_results(
        number: tf.Tensor,
        inputs: list[tf.Tensor],
        states: list[tf.Tensor],
        multiply: Multiply = multiplied,
    ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        results, indices = iter(inputs[n_inputs:]), count()

        def multiply_others(
            function: Function, x: tf.Tensor, weights: tf.Tensor
        ) -> tf.Tensor:
            if is_from_before(weights) and next(indices) in given:
                return next(results)
            return multiply(function, x, weights)

        return step(number, inputs[:n_inputs], states, multiply_others)

    return step_with_results


def size_of(values: Iterable[tf.Tensor | tf.TensorSpec]) -> int:
    """How many bytes values take, or those of specifications."""
    return sum(x.shape.num_elements() * x.dtype.size for x in values)


def is_float(x: tf.Tensor | tf.TensorSpec) -> bool:
    """Whether there are gradients of a tensor, or of those of a specification."""
    return bool(tf.as_dtype(x.dtype).is_floating)


def _reshaped_from(x: tf.Tensor) -> tf.Tensor:
    """What a tensor has the values of."""
    while x.op.type in ("Identity", "Reshape"):
        x = x.op.inputs[0]
    return x


def _traced(function: Callable[..., Any], *signature: Any) -> Any:
    return tf.function(function, autograph=False).get_concrete_function(*signature)


def _spec(x: tf.Tensor) -> tf.TensorSpec:
    return tf.TensorSpec(x.shape, x.dtype)
