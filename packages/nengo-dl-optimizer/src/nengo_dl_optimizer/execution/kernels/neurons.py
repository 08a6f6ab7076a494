"""Neurons: `nengo.builder.neurons.SimNeurons`."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from nengo.neurons import LIF

from ..memory import Memory, Slot, Step
from .lif import lif_step
from .makers import Group, alike, per_item

# How many neurons step together: the arrays that a step makes are to stay in caches. On
# two cores, 66,560 LIF neurons take 1.04 ms in pieces of 2**13, 0.71 ms in pieces of
# 2**14 and 0.87 ms at once, and by Nengo's own step 2.65 ms.
_CHUNK = 2**14


def neurons(group: Group, memory: Memory, dt: float) -> list[Step]:
    """Let equal neuron types step all of their neurons at once."""
    steps: list[Step] = []
    for ops in _equal(group):
        if _is_elementwise(ops[0]):
            steps += _at_once(ops, memory, dt)
        else:
            steps += one_by_one(ops, memory, dt)
    return steps


def _equal(group: Group) -> list[list[Any]]:
    """Divide operators by their neuron types and these types' parameters."""
    parts: list[list[Any]] = []
    for ops in alike(group, lambda op: id(op.neurons)):
        for part in parts:
            if part[0].neurons == ops[0].neurons:
                part += ops
                break
        else:
            parts.append(ops)
    return parts


def _is_elementwise(op: Any) -> bool:
    """Whether each neuron steps for itself, of which Nengo's own types are known.

    A type that draws random numbers has a generator for each ensemble. Of a type that
    is a user's own, two that Nengo thinks are equal may differ in attributes that it
    does not know.
    """
    module = type(op.neurons).__module__
    return module.split(".")[0] == "nengo" and not op.state_extra


def _at_once(ops: list[Any], memory: Memory, dt: float) -> list[Step]:
    current = memory.slot([op.J for op in ops])
    output = memory.slot([op.output for op in ops])
    state = {
        name: memory.slot([op.state[name] for op in ops]) for name in ops[0].state_idxs
    }
    slots = list(state.values())
    return [
        *current.load,
        *(step for slot in slots for step in slot.load),
        *_chunks(ops[0].neurons, dt, current, output, state),
        *output.store,
        *(step for slot in slots for step in slot.store),
    ]


def _chunks(
    neurons: Any, dt: float, current: Slot, output: Slot, state: dict[str, Slot]
) -> list[Step]:
    """Return the steps of as many neurons as the caches hold, one after the other."""
    currents = np.broadcast_to(current.array, output.array.shape)
    n_neurons = currents.shape[-1]
    size = max(_CHUNK * n_neurons // max(currents.size, 1), 1)
    steps: list[Step] = []
    for start in range(0, n_neurons, size):
        chunk = slice(start, start + size)
        arrays = {name: slot.array[..., chunk] for name, slot in state.items()}
        J, spikes = currents[..., chunk], output.array[..., chunk]
        if type(neurons) is LIF:
            voltage, refractory_time = arrays["voltage"], arrays["refractory_time"]
            steps.append(lif_step(neurons, dt, J, spikes, voltage, refractory_time))
        else:
            steps.append(partial(neurons.step, dt, J, spikes, **arrays))
    return steps


@per_item
def one_by_one(group: Group, memory: Memory, dt: float) -> list[Step]:
    """Let each operator's neuron type step, with random generators of its own."""
    return [
        partial(
            op.neurons.step,
            dt,
            memory[op.J],
            memory[op.output],
            **{name: memory[signal] for name, signal in op.state.items()},
            **memory.generators_of(op),
        )
        for op in group
    ]
