"""Neurons: `nengo.builder.neurons.SimNeurons`."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..memory import Memory, Step
from .makers import Group, alike, per_item


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
    arrays = {name: slot.array for name, slot in state.items()}
    step = partial(ops[0].neurons.step, dt, current.array, output.array, **arrays)
    slots = list(state.values())
    return [
        *current.load,
        *(step for slot in slots for step in slot.load),
        step,
        *output.store,
        *(step for slot in slots for step in slot.store),
    ]


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
