"""The operators of a model as an immutable value, with what is known of its signals."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Protocol, overload

from nengo.builder.operator import Operator
from nengo.builder.signal import Signal

from .dependencies import DependencyGraph, Frontier
from .extents import view_like
from .persistence import is_persistent

SignalUsers = Mapping[Signal, tuple[Operator, ...]]


@dataclass(frozen=True)
class SignalFacts:
    """What a graph of operators cannot show about one of its signals.

    Parameters
    ----------
    trainable : bool or None
        True: optimized offline. False: could be, but is switched off. None: never.
    minibatched : bool
        Whether the signal has a minibatch axis.
    external : bool
        Whether it is written from outside of the graph, so that its value is unknown.
    kept : bool
        Whether it has a place in memory although nothing needs it any more, for
        somebody who reads or changes it between runs; so have trainable ones.
    """

    trainable: bool | None = None
    minibatched: bool = False
    external: bool = False
    kept: bool = False

    @property
    def constant(self) -> bool:
        """Whether the signal keeps its initial value if no operator writes it."""
        return self.trainable is None and not self.external

    @property
    def placed(self) -> bool:
        """Whether the signal has a place in memory even if no operator needs it."""
        return self.kept or not self.constant


class MergeRule(Protocol):
    """A backend's part in deciding which operators may share a group."""

    def __call__(self, op: Operator, group: Sequence[Operator]) -> bool:
        """Whether ``op`` may join ``group``.

        Parameters
        ----------
        op : Operator
            The candidate.
        group : sequence of Operator
            At least one operator, each compatible in structure with ``op``.
        """


class OperatorGraph(Sequence[Operator]):
    """The operators of a model, in any order, and what is known of their signals.

    Parameters
    ----------
    operators : iterable of Operator
        All operators that are executed in a step.
    facts : mapping of Signal to SignalFacts
        Facts about base signals; a signal that is not in it has ``SignalFacts()``.
    mergeable : MergeRule, optional
        The backend's rule for groups of operators. Without one, all operators that
        are alike in structure may share a group.
    replaced : mapping of Signal to Signal
        Base signals of the model before simplification, and the signals that stand
        for them in these operators.
    dt : float, optional
        Length of a step, in seconds, if it is known.
    padded : mapping of Operator to hashable, optional
        Operators of which the backend computes those together that have an equal value
        here, whatever the shapes of their signals are. Those of one value must be
        alike in everything else.

    Examples
    --------
    >>> import nengo
    >>> from nengo_dl_optimizer import OperatorGraph
    >>> with nengo.Network() as net:
    ...     node = nengo.Node([1])
    >>> model = nengo.builder.Model()
    >>> model.build(net)
    >>> graph = OperatorGraph(model.operators)
    >>> len(graph), model.time in graph.persistent
    (1, False)
    """

    def __init__(
        self,
        operators: Iterable[Operator],
        facts: Mapping[Signal, SignalFacts] = MappingProxyType({}),
        mergeable: MergeRule | None = None,
        replaced: Mapping[Signal, Signal] = MappingProxyType({}),
        dt: float | None = None,
        padded: Mapping[Operator, Hashable] = MappingProxyType({}),
    ) -> None:
        self._operators = tuple(operators)
        self.dt = dt
        self.padded: Mapping[Operator, Hashable] = MappingProxyType(dict(padded))
        self.facts: Mapping[Signal, SignalFacts] = MappingProxyType(dict(facts))
        self.mergeable = mergeable
        self.replaced: Mapping[Signal, Signal] = MappingProxyType(dict(replaced))
        self._lineage = object()

    @classmethod
    def of(cls, operators: Iterable[Operator]) -> OperatorGraph:
        """Return operators as a graph: as they are if they are one already."""
        return operators if isinstance(operators, OperatorGraph) else cls(operators)

    @overload
    def __getitem__(self, index: int) -> Operator: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Operator, ...]: ...

    def __getitem__(self, index: int | slice) -> Operator | tuple[Operator, ...]:
        return self._operators[index]

    def __len__(self) -> int:
        return len(self._operators)

    def __iter__(self) -> Iterator[Operator]:
        return iter(self._operators)

    def __repr__(self) -> str:
        return f"<OperatorGraph of {len(self)} operators>"

    @cached_property
    def sets(self) -> SignalUsers:
        """Operators that set each base signal, or a view of it."""
        return _users(self, "sets")

    @cached_property
    def incs(self) -> SignalUsers:
        """Operators that increment each base signal, or a view of it."""
        return _users(self, "incs")

    @cached_property
    def reads(self) -> SignalUsers:
        """Operators that read each base signal, or a view of it."""
        return _users(self, "reads")

    @cached_property
    def updates(self) -> SignalUsers:
        """Operators that update each base signal, or a view of it."""
        return _users(self, "updates")

    @cached_property
    def signals(self) -> tuple[Signal, ...]:
        """All base signals, in the order in which the operators name them."""
        return tuple(
            dict.fromkeys(signal.base for op in self for signal in op.all_signals)
        )

    @cached_property
    def persistent(self) -> frozenset[Signal]:
        """Base signals whose value must survive from one step to the next."""
        return frozenset(
            signal
            for signal in self.signals
            if is_persistent(
                signal,
                self.sets.get(signal, ()),
                self.incs.get(signal, ()),
                self.updates.get(signal, ()),
            )
        )

    @cached_property
    def dependencies(self) -> DependencyGraph:
        """Which operators wait for which."""
        return DependencyGraph(self)

    def frontier(self) -> Frontier:
        """Return a new `Frontier` for executing these operators."""
        return Frontier(self.dependencies.successors, len(self))

    def fact(self, signal: Signal) -> SignalFacts:
        """Return what is known about a signal (or the base of a view)."""
        return self.facts.get(signal.base, _UNKNOWN)

    def writers(self, signal: Signal) -> list[Operator]:
        """Return the operators that write a signal's base in any way."""
        users = (self.sets, self.incs, self.updates)
        return [op for access in users for op in access.get(signal.base, ())]

    def is_written(self, signal: Signal) -> bool:
        """Whether an operator writes a signal's base in any way."""
        return bool(self.writers(signal))

    def current(self, signal: Signal) -> Signal:
        """Return the signal of these operators that stands for one of the model's.

        Parameters
        ----------
        signal : Signal
            Base signal or view, from before or after simplification.
        """
        return view_like(signal, self.replaced.get(signal.base, signal.base))

    def with_operators(
        self,
        operators: Iterable[Operator],
        replaced: Mapping[Signal, Signal] = MappingProxyType({}),
        facts: Mapping[Signal, SignalFacts] = MappingProxyType({}),
    ) -> OperatorGraph:
        """Make a graph of other operators, under the same facts and merge rule.

        Parameters
        ----------
        operators : iterable of Operator
            The new operators.
        replaced : mapping of Signal to Signal
            Base signals of this graph, and the signals that stand for them in
            ``operators``. A new base signal takes over the facts of the old one.
        facts : mapping of Signal to SignalFacts
            Facts about base signals that stand for none of this graph.
        """
        facts = {**self.facts, **facts}
        for old, new in replaced.items():
            if old in facts and not new.is_view:
                facts.setdefault(new, facts[old])
        followed = {
            old: view_like(now, replaced[now.base]) if now.base in replaced else now
            for old, now in self.replaced.items()
        }
        graph = OperatorGraph(
            operators,
            facts,
            self.mergeable,
            {**followed, **replaced},
            self.dt,
            self.padded,
        )
        graph._lineage = self._lineage
        return graph

    def follow(self, operators: Iterable[Operator]) -> OperatorGraph:
        """Make sure that operators made from this graph come with what it knows.

        Parameters
        ----------
        operators : iterable of Operator
            The result of a simplification: a graph that descends from this one, which
            is returned as it is, or any other sequence.
        """
        if not isinstance(operators, OperatorGraph):
            return self.with_operators(operators)
        if operators._lineage is self._lineage:
            return operators
        return self.with_operators(operators, operators.replaced)


_UNKNOWN = SignalFacts()


def _users(graph: OperatorGraph, access: str) -> SignalUsers:
    users: dict[Signal, list[Operator]] = {}
    for op in graph:
        for signal in getattr(op, access):
            found = users.setdefault(signal.base, [])
            if not found or found[-1] is not op:
                found.append(op)
    return MappingProxyType({signal: tuple(ops) for signal, ops in users.items()})


def signal_io_dicts(
    operators: Iterable[Operator],
) -> tuple[
    dict[Signal, list[Operator]],
    dict[Signal, list[Operator]],
    dict[Signal, list[Operator]],
    dict[Signal, list[Operator]],
]:
    """List the operators that set, increment, read and update each signal.

    Parameters
    ----------
    operators : list of Operator
        Operators in the model.

    Returns
    -------
    sets, incs, reads, updates : dict of {Signal: list of Operator}
        For each base signal, the operators that access it, or a view of it, in this
        way. Signals that no operator accesses so are not in the dictionary.
    """
    graph = OperatorGraph.of(operators)
    sets, incs, reads, updates = (
        {signal: list(ops) for signal, ops in users.items()}
        for users in (graph.sets, graph.incs, graph.reads, graph.updates)
    )
    return sets, incs, reads, updates
