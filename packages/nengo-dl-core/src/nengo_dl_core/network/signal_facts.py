"""What the graph optimizer has to be told about signals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from nengo.builder.operator import Operator, TimeUpdate
from nengo.builder.signal import Signal

from nengo_dl_optimizer import SignalFacts, written_signals


def signal_facts(
    operators: Sequence[Operator],
    external: Collection[Signal],
    trainable: Mapping[Signal, bool | None],
    kept: Collection[Signal],
    parameters_of_items: bool = False,
) -> dict[Signal, SignalFacts]:
    """Collect the facts that the operators themselves do not show.

    Whatever changes in the course of a simulation may differ from one item of a
    minibatch to the next, but for the count of steps and the time.

    Parameters
    ----------
    operators : list of nengo.builder.Operator
        The operators that are simulated.
    external : set of nengo.builder.Signal
        Signals whose values are given to the simulation.
    trainable : dict of {nengo.builder.Signal: bool or None}
        Which signals are parameters, see `mark_signals`.
    kept : set of nengo.builder.Signal
        Signals that are read and changed between runs, whether or not they have an
        effect.
    parameters_of_items : bool
        Whether what does not change may also differ from one item to the next.

    Returns
    -------
    facts : dict of {nengo.builder.Signal: SignalFacts}
        Facts about all signals that there is something to say about.
    """
    counters = {
        sig for op in operators if isinstance(op, TimeUpdate) for sig in op.sets
    }
    differing = dict.fromkeys(
        sig.base
        for op in operators
        for sig in written_signals(op)
        if sig not in counters
    )
    differing.update(dict.fromkeys(external))
    if parameters_of_items:
        used = (sig.base for op in operators for sig in op.all_signals)
        differing.update(dict.fromkeys(sig for sig in used if sig not in counters))
    return {
        sig: SignalFacts(
            trainable=trainable.get(sig),
            minibatched=sig in differing,
            external=sig in external,
            kept=sig in kept,
        )
        for sig in [*differing, *trainable, *kept]
    }
