"""Runs groups of neurons alone: with our builders, and with Nengo's step functions."""

from copy import deepcopy

import numpy as np
import tensorflow as tf
from nengo.builder.neurons import SimNeurons
from nengo.builder.signal import Signal

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder
from nengo_dl_core.builders.signals import SignalDict

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


def reference(ops, currents):
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
            op.neurons.step(DT, part.copy(), output, **named, **extra)
        for values, column in zip(
            recorded.values(), zip(*arrays, strict=True), strict=True
        ):
            values.append(np.concatenate(column))
    return {name: np.array(values) for name, values in recorded.items()}


class Stepper:
    """Computes steps of one builder for a group of operators."""

    def __init__(
        self,
        ops,
        dtype,
        minibatch_size=1,
        training=False,
        inference_only=False,
        lif_smoothing=None,
    ):
        self.signals = SignalDict(dtype, minibatch_size)
        self.signals.dt = DT
        self.columns = _columns(ops)
        self.shape = (minibatch_size, sum(op.J.size for op in ops))
        self.initial = []
        for name, sigs in self.columns.items():
            start = 0
            for sig in sigs:
                rows = [(start, start + sig.size)]
                self.signals.get_tensor_signal(rows, name, dtype, sig.shape, True, sig)
                start += sig.size
            value = np.concatenate([sig.initial_value for sig in sigs]).astype(dtype)
            self.initial.append(tf.constant(np.tile(value, (minibatch_size, 1))))
        self._bind(self.initial)
        self.builder = SimNeuronsBuilder(ops)
        rng = np.random.RandomState(0)
        self.builder.build_pre(
            self.signals,
            BuildConfig(inference_only, lif_smoothing, True, rng, training),
        )

    def _bind(self, values):
        self.signals.reset()
        for name, value in zip(self.columns, values, strict=True):
            self.signals.extend(name, value, self.shape[1])

    def step(self, number, J, state):
        """Give the output and the new states of a step."""
        self.signals.step = number
        output = self.initial[1]
        self._bind([tf.broadcast_to(J, self.shape), output, *state])
        self.builder.build_step(self.signals)
        _, *results = (
            self.signals.gather(self.signals.combine(sigs))
            for sigs in self.columns.values()
        )
        return results


def simulate(ops, currents, dtype="float64", jit_compile=True, first_step=1, **options):
    """Run one builder for a group of operators, in a loop over the steps.

    Takes currents as `reference` does, and returns outputs and states after each step,
    of shape ``(n_steps, minibatch_size, n_neurons)``, by name.
    """
    n_steps = len(currents)

    def run(currents):
        stepper = Stepper(ops, dtype, **options)

        def body(i, arrays, *state):
            number = tf.cast(i, tf.int64) + first_step
            results = stepper.step(number, currents[i], state)
            arrays = tuple(
                array.write(i, value)
                for array, value in zip(arrays, results, strict=True)
            )
            return i + 1, arrays, *results[1:]

        _, _, *state = stepper.initial
        arrays = tuple(
            tf.TensorArray(dtype, size=n_steps, element_shape=stepper.shape)
            for _ in range(1 + len(state))
        )
        _, arrays, *_ = tf.while_loop(
            lambda i, *_: i < n_steps, body, (tf.constant(0), arrays, *state)
        )
        return [array.stack() for array in arrays]

    function = tf.function(run, jit_compile=jit_compile, autograph=False)
    results = function(tf.constant(currents.astype(dtype)))
    _, *names = _columns(ops)
    return dict(zip(names, (x.numpy() for x in results), strict=True))
