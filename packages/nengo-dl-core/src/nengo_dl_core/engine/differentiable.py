"""A simulation that is differentiated by loops of its own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import compress
from typing import TYPE_CHECKING

import tensorflow as tf

from nengo_dl_core.builders.base import Builder
from nengo_dl_core.builders.products import MultiplyingStep, multiplied
from nengo_dl_core.engine.dataflow import dependent
from nengo_dl_core.engine.gradient_loop import run_differentiable_loop
from nengo_dl_core.engine.loop import run_loop
from nengo_dl_core.engine.own_gradient import with_own_gradient
from nengo_dl_core.engine.step import StepMaker
from nengo_dl_core.engine.step_gradient import is_float
from nengo_dl_core.network.config import get_setting

if TYPE_CHECKING:
    from nengo_dl_core.training.tensor_graph import TensorGraph


def can_be_differentiated(graph: TensorGraph) -> bool:
    """Whether `simulate_differentiably` can be used.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.

    Returns
    -------
    can : bool
        Not if a step calls Python, or changes variables; and not where TensorFlow
        executes operations at once.
    """
    return not (
        tf.executing_eagerly()
        or graph.python_objects()
        or get_setting(graph.model, "check_finite", False)
        or any(layer.non_trainable_variables for layer in graph.op_builder.layers)
    )


def simulate_differentiably(
    graph: TensorGraph,
    n_steps: tf.Tensor,
    inputs: Sequence[tf.Tensor],
    training: bool | None,
) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Continue a simulation, from the present values of its variables.

    Parameters
    ----------
    graph : TensorGraph
        The simulation, whose variables stay as they are.
    n_steps : tf.Tensor
        How many steps to run.
    inputs : list of tf.Tensor
        Values of the input Nodes, ``(n_steps, minibatch_size, size_out)``.
    training : bool or None
        Whether the model is trained.

    Returns
    -------
    values : list of tf.Tensor
        Values of the probes, ``(n_steps, minibatch_size, ...)``.
    states : list of tf.Tensor
        Values for the graph's `states` after the last step, which are not
        differentiated.
    """
    known = inputs[0].shape[0] if inputs else tf.get_static_value(n_steps)
    n_steps = n_steps if known is None else int(known)
    memory, model = graph.memory, graph.model
    used = [source.signal in graph.optimized.layout for source in graph.node_inputs]
    sources = [source.signal for source in compress(graph.node_inputs, used)]
    sequences = list(compress(inputs, used))
    weights = [x for x in graph.trainable_variables if is_float(x)]
    constants = {block: tf.convert_to_tensor(x) for block, x in graph.parameters}
    states = memory.unpacked([tf.convert_to_tensor(x) for x in graph.states])
    carried = [memory.whole(block) for block in states]
    first_step = graph.step + 1

    def prepared(values: Sequence[tf.Tensor]) -> MultiplyingStep:
        """Make the step from values of the weights."""
        value_of = dict(zip(map(id, weights), values, strict=True))
        phase = get_setting(model, "learning_phase", training)
        config = graph.build_config(bool(phase))
        own = config.own_variable
        config = config._replace(
            own_variable=lambda weight: value_of.get(id(own(weight)), own(weight))
        )
        parameters = {
            block: value_of.get(id(variable), constants[block])
            for block, variable in graph.parameters
        }
        memory.bind(graph.signals, parameters)
        builder = Builder(graph.optimized.plan)
        builder.build_pre(graph.signals, config)
        return StepMaker(graph, carried, builder)(sources, graph.probed, None)

    def compute(tape: tf.GradientTape, arguments: list[tf.Tensor]) -> list[tf.Tensor]:
        values = arguments[: len(weights)]
        step = prepared(values)
        learned = dependent(values, values[0].graph) if weights else set()
        outputs, new_states = run_differentiable_loop(
            step,
            n_steps,
            first_step,
            arguments[len(weights) :],
            list(states.values()),
            tape=tape,
            is_learned=lambda x: x.name in learned,
            unroll=graph.unroll,
            use_loop=graph.use_loop,
            jit_compile=graph.jit_compile,
            of_first_state=False,
        )
        return [*outputs, *memory.packed(new_states)]

    def plain(arguments: list[tf.Tensor]) -> list[tf.Tensor]:
        step = partial(prepared(arguments[: len(weights)]), multiply=multiplied)
        outputs, new_states = run_loop(
            step,
            n_steps,
            first_step,
            arguments[len(weights) :],
            list(states.values()),
            [graph.buffer(sig, n_steps) for sig in graph.probed],
            graph.unroll,
            use_loop=graph.use_loop,
        )
        return [*outputs, *memory.packed(new_states)]

    tensors = [tf.convert_to_tensor(x) for x in weights]
    results = with_own_gradient(compute, plain, [*tensors, *sequences])
    return results[: len(graph.probed)], results[len(graph.probed) :]
