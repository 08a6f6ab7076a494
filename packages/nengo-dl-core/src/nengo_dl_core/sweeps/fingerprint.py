"""Tells which programs are the same but for the values that they start from.

What is compiled is a function of parameters and state. All else is in the code: the
groups of the plan, where their signals lie, what operators hold besides signals, as
time constants, and some settings. Programs of which all that is the same can be run by
the executable of any of them.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from hashlib import sha256
from io import BytesIO
from typing import Any

from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import Operator
from nengo.builder.signal import Signal

from nengo_dl_core.builders.base import OpBuilder
from nengo_dl_core.builders.neurons.lif import starts_below_threshold
from nengo_dl_core.engine.choice import compiles
from nengo_dl_core.program.memory import Memory
from nengo_dl_core.program.program import Program
from nengo_dl_optimizer import sparse_entries

# Settings on which it depends what a run computes, besides those that change the plan.
_SETTINGS = ("inference_only", "lif_smoothing", "learning_phase")


def fingerprint(program: Program) -> str | None:
    """Name all that the compiled code of a program depends on.

    Parameters
    ----------
    program : Program
        What is simulated.

    Returns
    -------
    fingerprint : str or None
        Equal for programs that one executable can run. None if a program can only run
        by itself: because it is not compiled, has Keras layers or operators that a
        user has added, or holds what cannot be pickled. A program with several items
        has one if these have parameters of their own, all that is done with them
        allows that, and nothing is of few bits.
    """
    builds = [build.chosen for build in program.builder.op_builds.values()]
    if program.builder.layers or not all(map(_is_ours, builds)):
        return None
    if program.minibatch_size > 1 and not (
        program.parameters_of_items
        and all(build.takes_parameters_of_items for build in builds)
        and not program.memory.formats
        and program.product_dtype is None
    ):
        return None
    if not compiles(program):
        return None
    memory = program.memory
    try:
        parts = [_pickled(part, memory) for part in _parts(program)]
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
    return sha256(b"".join(parts)).hexdigest()


def _is_ours(build: OpBuilder) -> bool:
    """Whether we know that a builder reads no values while it builds."""
    return type(build).__module__.startswith("nengo_dl_core.")


def _parts(program: Program) -> Iterable[Any]:
    """List what the code depends on."""
    yield program.dt, program.float_type, program.unroll, program.device
    yield program.product_dtype, program.use_loop, program.minibatch_size
    yield [program.setting(name) for name in _SETTINGS]
    yield [source.signal for source in program.inputs]
    yield [
        (probe.sample_every, program.keeps_history(probe)) for probe in program.probes
    ]
    yield list(program.probed)
    for block in program.optimized.layout.blocks:
        yield block.shape, block.dtype.str, block.trainable
        yield block.minibatched, block.persistent, block.external, block.written
    yield list(program.memory.formats.items())
    gradients = program.spike_gradients if program.setting("learning_phase") else {}
    for group in program.optimized.plan:
        yield len(group), [gradients.get(op) for op in group]
        yield from map(_held, group)


def _held(op: Operator) -> tuple[Any, ...]:
    """What an operator is, and what it holds, but for words that describe it."""
    held = {name: value for name, value in vars(op).items() if name != "tag"}
    below = starts_below_threshold(op) if isinstance(op, SimNeurons) else None
    return type(op), held, below


def _pickled(part: Any, memory: Memory) -> bytes:
    file = BytesIO()
    _Pickler(file, memory).dump(part)
    return file.getvalue()


class _Pickler(pickle.Pickler):
    """Pickles where signals lie, in place of what they hold."""

    def __init__(self, file: BytesIO, memory: Memory) -> None:
        super().__init__(file)
        self._layout = memory.layout

    def persistent_id(self, obj: Any) -> Any:
        """Describe a signal; pickle all else as it is."""
        if not isinstance(obj, Signal):
            return None
        if obj not in self._layout:  # nothing computes with it
            return obj.shape, obj.dtype.str
        view = self._layout.view(obj)
        entries = sparse_entries(obj)[0].tobytes() if obj.sparse else b""
        return view.block, view.slices, view.shape, entries
