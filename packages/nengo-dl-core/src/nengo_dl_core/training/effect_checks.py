"""Whether training can have an effect: what the trained probes depend on."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterable

import nengo
from nengo.builder.signal import Signal

from nengo_dl_core.program.program import Program
from nengo_dl_optimizer import OperatorGraph, written_signals


def warn_of_no_effect(
    program: Program, probes: Iterable[nengo.Probe], n_steps: int | None
) -> None:
    """Warn whoever calls `Simulator.fit` of what makes training useless.

    That is what no gradient passes through, with something to be trained before it;
    and a run so short that no input reaches a probe.

    Parameters
    ----------
    program : Program
        What is simulated.
    probes : iterable of nengo.Probe
        The probes that the losses are about.
    n_steps : int or None
        Number of steps of a minibatch, if it is known.
    """
    operators = program.optimized.graph
    delays = _delays(operators, [program.model.sig[probe]["in"] for probe in probes])
    owners = program.owners
    walls = [
        owners.describe(op)
        for group, build in program.builder.op_builds.items()
        if not build.differentiable
        for op in group
        if any(sig.base in delays for sig in written_signals(op))
        and any(operators.fact(sig).trainable for sig in _delays(operators, op.reads))
    ]
    if walls:
        warnings.warn(
            f"No gradient passes through {', '.join(walls)}: what comes before is not "
            "trained through it",
            stacklevel=5,
        )
    inputs = [operators.current(source.signal).base for source in program.inputs]
    delay = min((delays[sig] for sig in inputs if sig in delays), default=0)
    if n_steps is not None and n_steps <= delay:
        warnings.warn(
            f"In {n_steps} step(s) no input has an effect on a Probe that is trained, "
            f"since synapses delay it by {delay} step(s): give data of more steps, or "
            "set the synapses of connections to None",
            stacklevel=5,
        )


def _delays(graph: OperatorGraph, signals: Iterable[Signal]) -> dict[Signal, int]:
    """After how many steps other signals have an effect on these, at the earliest.

    What is updated in a step is read in the next; but probes record it in the same.
    """
    ends = {graph.current(sig).base for sig in signals}
    updates = [op for sig in ends for op in graph.updates.get(sig, ())]
    delays: dict[Signal, int] = {}
    waiting = deque((sig, 0) for sig in ends)  # sorted by delay
    waiting.extend((read.base, 0) for op in updates for read in op.reads)
    while waiting:
        sig, delay = waiting.popleft()
        if sig in delays:
            continue
        delays[sig] = delay
        for op in (*graph.sets.get(sig, ()), *graph.incs.get(sig, ())):
            waiting.extendleft((read.base, delay) for read in op.reads)
        for op in graph.updates.get(sig, ()):
            waiting.extend((read.base, delay + 1) for read in op.reads)
    return delays
