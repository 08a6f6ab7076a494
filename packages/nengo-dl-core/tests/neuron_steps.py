"""Runs groups of neurons alone: with our builders, and with Nengo's step functions."""

from copy import deepcopy

import numpy as np
import tensorflow as tf
from nengo.builder.neurons import SimNeurons
from nengo.builder.signal import Signal

from nengo_dl_core.builder import BuildConfig
from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder
from nengo_dl_core.signals import SignalDict

DT = 0.001


def make_ops(*neuron_types, n_neurons=7):
    """Make an operator for each of some neuron types, as Nengo's builder does."""
    ops = []
    for seed, neuron_type in enumerate(neuron_types):
        rng = np.random.RandomState(seed)
        state = {
            name: Signal(value, name=name) if isinstance(value, np.ndarray) else value
            for name, value in neuron_type.make_state(n_neurons, rng).items()
        }
        J, output = (Signal(np.zeros(n_neurons), name=name) for name in ("J", "output"))
        ops.append(SimNeurons(neuron_type, J, output, state))
    return ops


def _columns(ops):
    """Give the operators' signals slot by slot: inputs, outputs, and each state."""
    names = ["J", "output", *ops[0].state]
    return dict(
        zip(names, zip(*([op.J, *op.sets] for op in ops), strict=True), strict=True)
    )


def reference(ops, currents, dt=DT):
    """Call the step functions of Nengo.

    Takes currents of shape ``(n_steps, n_neurons)``, for the neurons of all operators,
    and returns the outputs and states after each step, of the same shape, by name.
    """
    recorded = {name: [] for name in list(_columns(ops))[1:]}
    arrays = [[sig.initial_value.copy() for sig in op.sets] for op in ops]
    extras = [deepcopy(op.state_extra) for op in ops]
    bounds = np.cumsum([op.J.size for op in ops])[:-1]
    for J in currents:
        for op, part, (output, *state), extra in zip(
            ops, np.split(J, bounds), arrays, extras, strict=True
        ):
            named = dict(zip(op.state, state, strict=True))
            op.neurons.step(dt, part.copy(), output, **named, **extra)
        for values, column in zip(
            recorded.values(), zip(*arrays, strict=True), strict=True
        ):
            values.append(np.concatenate(column))
    return {name: np.array(values) for name, values in recorded.items()}


def simulate(
    ops,
    currents,
    dt=DT,
    dtype="float64",
    minibatch_size=1,
    jit_compile=True,
    training=False,
    lif_smoothing=None,
    first_step=1,
):
    """Run one builder for a group of operators, in a loop over the steps.

    Takes currents as `reference` does, and returns outputs and states after each step,
    of shape ``(n_steps, minibatch_size, n_neurons)``, by name.
    """
    signals = SignalDict(dtype, minibatch_size)
    signals.dt = dt
    columns = _columns(ops)
    initial = {}
    for name, sigs in columns.items():
        start = 0
        for sig in sigs:
            slices = [(start, start + sig.size)]
            signals.get_tensor_signal(slices, name, dtype, sig.shape, True, sig)
            start += sig.size
        value = np.concatenate([sig.initial_value for sig in sigs]).astype(dtype)
        initial[name] = tf.constant(np.tile(value, (minibatch_size, 1)))
    builder = SimNeuronsBuilder(ops)
    config = BuildConfig(False, lif_smoothing, True, np.random.RandomState(0), training)
    n_steps, n_neurons = currents.shape
    shape = (minibatch_size, n_neurons)

    def bind(values):
        signals.reset()
        for name, value in zip(columns, values, strict=True):
            signals.extend(name, value, n_neurons)

    def run(currents):
        bind(initial.values())
        builder.build_pre(signals, config)

        def body(step, arrays, *state):
            signals.step = tf.constant(first_step, tf.int64) + tf.cast(step, tf.int64)
            bind([tf.broadcast_to(currents[step], shape), *state])
            builder.build_step(signals)
            _, *results = (
                signals.gather(signals.combine(sigs)) for sigs in columns.values()
            )
            arrays = tuple(
                array.write(step, value)
                for array, value in zip(arrays, results, strict=True)
            )
            return step + 1, arrays, *results

        arrays = tuple(
            tf.TensorArray(dtype, size=n_steps, element_shape=shape)
            for _ in list(columns)[1:]
        )
        _, arrays, *_ = tf.while_loop(
            lambda step, *_: step < n_steps,
            body,
            (tf.constant(0), arrays, *list(initial.values())[1:]),
            maximum_iterations=n_steps,
        )
        return [array.stack() for array in arrays]

    function = tf.function(run, jit_compile=jit_compile, autograph=False)
    results = function(tf.constant(currents.astype(dtype)))
    names = list(columns)[1:]
    return dict(zip(names, (x.numpy() for x in results), strict=True))
