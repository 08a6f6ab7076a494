"""Random generators, seeded as Nengo's own simulator seeds them.

`nengo.Simulator` makes the steps of its operators one after the other in the order in
which they will run, and hands each of them one generator, from which every process
without a seed of its own draws one. Drawing in the same order gives the same noise,
whatever a plan has made of the order.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Hashable, Iterator
from copy import deepcopy

import numpy as np
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import Operator
from nengo.builder.processes import SimProcess
from nengo.builder.signal import Signal
from nengo.utils.graphs import toposort
from nengo.utils.simulator import operator_dependency_graph

from ..pipeline import OptimizedGraph
from .kernels.filters import is_linear_filter


def drawing_order(
    optimized: OptimizedGraph, known: Collection[type[Operator]]
) -> list[tuple[Operator, Operator | None]]:
    """List the operators that draw random numbers, in Nengo's order.

    Parameters
    ----------
    optimized : OptimizedGraph
        The operators, before and after simplification.
    known : collection of type
        The types of operators that draw nothing, processes aside.

    Returns
    -------
    order : list of (Operator, Operator or None)
        Each operator of the model that may draw, and the one that does its work now;
        None, if it was removed. Operators that a simplification has added come last.
    """

    def draws(op: Operator) -> bool:
        return type(op) is SimProcess or type(op) not in known

    def matters(op: Operator) -> bool:
        return draws(op) and not (type(op) is SimProcess and is_linear_filter(op))

    if not any(map(matters, optimized.graph)):
        return []
    same = set(optimized.before).intersection(optimized.graph)
    new: defaultdict[Hashable, deque[Operator]] = defaultdict(deque)
    for op in filter(draws, optimized.graph):
        if op not in same:
            new[_key(optimized, op)].append(op)
    order: list[tuple[Operator, Operator | None]] = []
    for op in toposort(operator_dependency_graph(optimized.before)):
        if draws(op):
            successors = deque([op]) if op in same else new[_key(optimized, op)]
            order.append((op, successors.popleft() if successors else None))
    added = [op for ops in new.values() for op in ops]
    return order + [(op, op) for op in added]


def _key(optimized: OptimizedGraph, op: Operator) -> Hashable:
    """Return what an operator has in common with the one that took its place."""
    return type(op), tuple(_place(optimized, signal) for signal in op.all_signals)


def _place(optimized: OptimizedGraph, signal: Signal) -> Hashable:
    base = optimized.graph.replaced.get(signal.base, signal.base)
    offset = base.offset + signal.offset
    return base.base, offset, signal.shape, signal.strides


def neuron_generators(
    optimized: OptimizedGraph, item: int
) -> Iterator[tuple[Operator, dict[str, np.random.RandomState]]]:
    """Yield the generators of random neurons, which Nengo makes when it builds them.

    Parameters
    ----------
    optimized : OptimizedGraph
        The operators.
    item : int
        The item of a minibatch. The first one gets copies of the generators that the
        model has, others get different ones that depend on these.
    """
    for op in optimized.graph:
        if type(op) is SimNeurons and op.state_extra:
            yield (
                op,
                {
                    name: item_generator(rng, item)
                    for name, rng in op.state_extra.items()
                },
            )


def item_generator(rng: np.random.RandomState, item: int) -> np.random.RandomState:
    """Make the generator of one item of a minibatch out of that of the model.

    Parameters
    ----------
    rng : numpy.random.RandomState
        The generator of the model, which is not drawn from.
    item : int
        The index of the item.

    Returns
    -------
    rng : numpy.random.RandomState
        For the first item one in the same state, for the others independent ones.
    """
    rng = deepcopy(rng)
    if item == 0:
        return rng
    return np.random.RandomState(rng.randint(2**32, size=item, dtype=np.uint32)[-1:])
