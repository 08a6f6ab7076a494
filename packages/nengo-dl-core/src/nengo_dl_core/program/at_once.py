"""Computes the operators of a stage for several steps at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf
from nengo.builder.signal import Signal

from nengo_dl_core.builders.base import BuildConfig, Group
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.program.memory import Memory
from nengo_dl_optimizer import Block


def compute_at_once(
    groups: Sequence[Group],
    n_steps: int,
    read: Sequence[Signal],
    results: Sequence[Signal],
    memory: Memory,
    values: Mapping[Block, tf.Tensor],
    config: BuildConfig,
    layer_weights: Mapping[int, tf.Tensor] | None = None,
    state: SignalDict | None = None,
) -> Callable[[Sequence[tf.Tensor]], list[tf.Tensor]]:
    """Prepare what is computed for several steps at once.

    Parameters
    ----------
    groups : list of tuple of nengo.builder.Operator
        Groups of operators to which steps are as good as items of a minibatch, or that
        have a closed form.
    n_steps : int
        Number of steps.
    read, results : list of nengo.builder.Signal
        What is given, and what is wanted.
    memory : Memory
        The memory of the simulation.
    values : dict of {Block: tf.Tensor}
        Values of blocks, of which those with a minibatch axis are the same in all
        steps.
    config : BuildConfig
        Settings of the simulation.
    layer_weights : dict of {int: tf.Tensor}, optional
        Values of the weights of Keras layers.
    state : SignalDict, optional
        Environment of a single step, with the state before the first of the steps;
        holds that after the last of them when ``compute`` was called.

    Returns
    -------
    compute : callable
        Gives ``results`` for what is ``read``, both ``(n_steps, minibatch_size, ...)``.
    """
    minibatch_size = memory.minibatch_size
    memory = memory.for_items(n_steps * minibatch_size)
    signals = memory.environment()
    memory.bind(
        signals,
        {
            block: tf.tile(x, [n_steps, *[1] * (x.shape.rank - 1)])
            if block.minibatched
            else x
            for block, x in values.items()
        },
    )
    builder = Builder(groups)
    builder.build_pre(signals, config)
    before = dict(signals.bases)
    for sig in results:
        signals.expect(memory.tensor_signal(sig))

    def compute(given: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        signals.bases = dict(before)
        signals.layer_weights = dict(layer_weights or {})
        for sig, value in zip(read, given, strict=True):
            signals.scatter(memory.tensor_signal(sig), value)
        builder.build_steps(signals, state)
        found = []
        for sig in results:
            view = memory.tensor_signal(sig)
            value = signals.gather(view)
            if not view.minibatched:
                value = tf.broadcast_to(value, (signals.minibatch_size, *view.shape))
            shape = (n_steps, minibatch_size, *view.shape)
            found.append(tf.reshape(value, shape))
        return found

    return compute
