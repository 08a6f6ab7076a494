"""A simulation in stages, a block of steps at a time.

What nothing in a later step waits for need not be computed in each step: one product
serves all steps of a block. Within a block the stages follow each other; those that go
step by step are loops, between which lie the values of the block's steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any, NamedTuple

import keras
import tensorflow as tf
from nengo.builder.signal import Signal

from nengo_dl_core.builders.base import BuildConfig, Group
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.products import MultiplyingStep
from nengo_dl_core.engine.input_buffer import Rows
from nengo_dl_core.engine.loop import Output, arrays_of, repeat_blocks, run_part
from nengo_dl_core.engine.step import (
    Results,
    StepMaker,
    Values,
    probe_buffer,
    seed_operations,
)
from nengo_dl_core.program.at_once import compute_at_once
from nengo_dl_core.program.program import Program
from nengo_dl_core.program.time_axis import Stage


def simulate_in_blocks(
    program: Program,
    stages: Sequence[Stage],
    block_size: int,
    new_builder: Callable[[Sequence[Group]], Builder],
    config: BuildConfig,
    values: Values,
    n_steps: tf.Tensor,
    inputs: Sequence[Rows],
    outputs: Sequence[Output],
) -> Results:
    """Simulate some steps: a function of tensors, which changes nothing.

    Parameters
    ----------
    program : Program
        What is simulated.
    stages : list of Stage
        Its groups. None of those at once has a state.
    block_size : int
        Number of steps in a block.
    new_builder : callable
        Makes builders of groups.
    config : BuildConfig
        What builders may want to know.
    values : Values
        What to start from.
    n_steps : tf.Tensor
        How many steps to run.
    inputs : list of Rows
        Values of the input Nodes, of a number of steps that is a multiple of the size
        of a block.
    outputs : list of Output
        The buffers of the probes; see `probe_buffer`.

    Returns
    -------
    results : Results
        Outputs, and what the next steps start from.
    """
    seed_operations(config)
    memory = program.memory
    used = [source.signal in program.optimized.layout for source in program.inputs]
    sources = [source.signal for source in compress(program.inputs, used)]
    parts = _Parts(program, block_size, new_builder, config, values)
    made = parts.make(stages, sources)
    changing = [weight for part in made for weight in part.weights]
    states = list(memory.unpacked(values.states).values())
    n_states, n_weights = len(states), len(changing)

    def block(start: tf.Tensor, carried: list[Any]) -> list[Any]:
        stop = tf.minimum(start + block_size, n_steps)
        states = carried[:n_states]
        weights = dict(zip(map(id, changing), carried[n_states:], strict=False))
        arrays = carried[n_states + n_weights :]
        rows = [x.several(start, block_size) for x in compress(inputs, used)]
        known = dict(zip(sources, rows, strict=True))
        for part in made:
            given = [known[sig] for sig in part.read]
            if part.compute is not None:
                known |= zip(part.found, part.compute(given), strict=True)
                continue
            assert part.step is not None
            kept = [
                probe_buffer(program, sig, block_size)._replace(first=start)
                for sig in part.found
            ]
            after, filled = run_part(
                part.step,
                start,
                stop,
                values.n_steps + 1,
                _rows_of(given, start),
                [*states, *(weights[id(x)] for x in part.weights)],
                [*(outputs[i] for i in part.probed), *kept],
                [*(arrays[i] for i in part.probed), *arrays_of(kept)],
                program.unroll,
            )
            states = after[:n_states]
            weights |= zip(map(id, part.weights), after[n_states:], strict=True)
            for i, array in zip(part.probed, filled, strict=False):
                arrays[i] = array
            found = [array.stack() for array in filled[len(part.probed) :]]
            known |= zip(part.found, found, strict=True)
        return [*states, *(weights[id(x)] for x in changing), *arrays]

    first = [values.layer_weights[id(x)] for x in changing]
    carried = [*states, *first, *arrays_of(outputs)]
    after = repeat_blocks(block, n_steps, block_size, carried)
    return Results(
        [array.stack() for array in after[n_states + n_weights :]],
        memory.packed(after[:n_states]),
        list(zip(changing, after[n_states:], strict=False)),
    )


def _rows_of(
    sequences: Sequence[tf.Tensor], start: tf.Tensor
) -> Callable[[tf.Tensor], list[tf.Tensor]]:
    """Make a function that gives the rows of a step."""
    return lambda i: [x[i - start] for x in sequences]


class _Part(NamedTuple):
    """A stage, prepared: a function of all steps of a block, or a step.

    Attributes
    ----------
    compute : callable or None
        Gives what is `found` for what is `read`, ``(block_size, minibatch_size, ...)``.
    step : callable or None
        Gives what is `probed` and `found` for what is `read`.
    read, found : list of nengo.builder.Signal
        Base signals.
    probed : list of int
        The probed signals that are recorded.
    weights : list of keras.Variable
        Weights of Keras layers that go from step to step, after the state.
    """

    compute: Callable[[Sequence[tf.Tensor]], list[tf.Tensor]] | None
    step: MultiplyingStep | None
    read: Sequence[Signal]
    found: Sequence[Signal]
    probed: Sequence[int] = ()
    weights: Sequence[keras.Variable] = ()


class _Parts:
    """Prepares stages."""

    def __init__(
        self,
        program: Program,
        block_size: int,
        new_builder: Callable[[Sequence[Group]], Builder],
        config: BuildConfig,
        values: Values,
    ) -> None:
        self._program, self._block_size = program, block_size
        self._new_builder, self._config = new_builder, config
        self._values = values
        self._blocks = list(program.memory.unpacked(values.states))

    def make(self, stages: Sequence[Stage], sources: Sequence[Signal]) -> list[_Part]:
        """Prepare all stages, the first of which read the sources."""
        known = set(sources)
        parts: list[_Part] = []
        left: list[int] = []  # computed at once, to be recorded by the next loop
        if stages[-1].at_once:
            stages = [*stages, Stage(False, (), (), (), (), (), ())]
        for stage in stages:
            read = [sig for sig in stage.read if sig in known]
            if stage.at_once:
                parts.append(self._at_once(stage, read))
                left += stage.probed
            else:
                bases = [x for x in map(self._base, left) if x in known]
                read = list(dict.fromkeys([*read, *bases]))
                parts.append(self._by_step(stage, read, [*stage.probed, *left]))
                left = []
            known.update(parts[-1].found)
        return parts

    def _base(self, probe: int) -> Signal:
        program = self._program
        return program.optimized.graph.current(program.probed[probe]).base

    def _at_once(self, stage: Stage, read: Sequence[Signal]) -> _Part:
        values = self._values
        fact = self._program.optimized.graph.fact
        probed = [x for x in map(self._base, stage.probed) if fact(x).minibatched]
        found = list(dict.fromkeys([*stage.results, *probed]))
        compute = compute_at_once(
            stage.groups,
            self._block_size,
            read,
            found,
            self._program.memory,
            values.parameters,
            self._config._replace(at_once=True),
            values.layer_weights,
        )
        return _Part(compute, None, read, found)

    def _by_step(
        self, stage: Stage, read: Sequence[Signal], probed: Sequence[int]
    ) -> _Part:
        program, values, memory = self._program, self._values, self._program.memory
        signals = memory.environment()
        memory.bind(signals, values.parameters)
        builder = self._new_builder(stage.groups)
        builder.build_pre(signals, self._config)
        carried = list(map(memory.whole, self._blocks))
        maker = StepMaker(
            program, self._config, builder, signals, carried, values.layer_weights, 0
        )
        recorded = [*(program.probed[i] for i in probed), *stage.results]
        step = maker(read, recorded, stage.earlier)
        builder.build_post(signals)
        found = [*stage.results, *stage.earlier]
        return _Part(None, step, read, found, probed, builder.changing_weights)
