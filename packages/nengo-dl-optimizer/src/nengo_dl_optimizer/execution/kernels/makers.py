"""What makes the steps of a group of operators, by its type."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import wraps
from typing import Any, Protocol

from nengo.builder.operator import Operator

from ..memory import Memory, Step

Group = Sequence[Operator]


class KernelMaker(Protocol):
    """Makes the functions that execute a group of operators."""

    def __call__(self, group: Group, memory: Memory, dt: float, /) -> Iterable[Step]:
        """Return functions that are called one after the other in each step.

        Parameters
        ----------
        group : sequence of Operator
            Operators of one type, none of which depends on another.
        memory : Memory
            The arrays in which their signals live, for as long as the executor exists.
            With minibatches ``memory.items`` are those of the items.
        dt : float
            The length of a step, in seconds.
        """


def per_item(maker: KernelMaker) -> KernelMaker:
    """Make a maker of kernels for minibatches out of one for single items.

    Parameters
    ----------
    maker : KernelMaker
        Is given the memory of one item, whose arrays have no minibatch axis.

    Returns
    -------
    maker : KernelMaker
        Makes the steps of each item, one item after the other; those of a group that
        has no minibatch axis at all once.
    """

    @wraps(maker)
    def make(group: Group, memory: Memory, dt: float, /) -> list[Step]:
        signals = [signal for op in group for signal in op.all_signals]
        one = not any(memory.is_minibatched(signal) for signal in signals)
        items = memory.items[:1] if one else memory.items
        return [step for item in items for step in maker(group, item, dt)]

    return make


def alike(group: Group, key: Callable[[Any], Hashable]) -> list[list[Any]]:
    """Divide a group into lists of operators for which a key is equal.

    Parameters
    ----------
    group : sequence of Operator
        The operators.
    key : callable
        Gives the key of an operator.
    """
    parts: dict[Hashable, list[Any]] = {}
    for op in group:
        parts.setdefault(key(op), []).append(op)
    return list(parts.values())


def shapes(op: Operator) -> Hashable:
    """Return the shapes of all signals of an operator."""
    return tuple(signal.shape for signal in op.all_signals)
