"""Stages of a simulation whose number of steps is known.

What a later step does not wait for can be computed for all steps at once: steps are
then what items of a minibatch are, and filters have a closed form. What else has state
of its own, or is part of a circle, goes step by step. Operators are divided into
stages, at once or step by step. Between them lie the values of all steps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from nengo.builder.operator import Operator
from nengo.builder.signal import Signal

from nengo_dl_core import tuning
from nengo_dl_core.builders.base import BuildConfig, Group, OpBuilder
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.program.components import strong_components
from nengo_dl_core.program.linear_circles import LinearCircles
from nengo_dl_optimizer import OperatorGraph, written_signals


class Stage(NamedTuple):
    """Operators that are computed one after the other.

    Attributes
    ----------
    at_once : bool
        Whether they are computed for all steps at once.
    groups : list of tuple of nengo.builder.Operator
        The operators, in execution order.
    read : list of nengo.builder.Signal
        Base signals that come from outside, or from the stages before.
    probed : list of int
        The probed signals that are known after this stage.
    results : list of nengo.builder.Signal
        Base signals that the stages after it read.
    earlier : list of nengo.builder.Signal
        Others, of which they read the value from before the step.
    carried : list of nengo.builder.Signal
        Base signals that one step leaves to the next.
    """

    at_once: bool
    groups: Sequence[Group]
    read: Sequence[Signal]
    probed: Sequence[int]
    results: Sequence[Signal]
    earlier: Sequence[Signal]
    carried: Sequence[Signal]


def divide(
    plan: Sequence[Group],
    graph: OperatorGraph,
    config: BuildConfig,
    probed: Sequence[Signal],
    minibatch_size: int,
    n_steps: int = 0,
    *,
    min_weights: int | None = None,
    closed_forms: bool = True,
) -> list[Stage]:
    """Divide the operators of a step into stages.

    Parameters
    ----------
    plan : list of tuple of nengo.builder.Operator
        Groups of operators in execution order.
    graph : OperatorGraph
        Their graph.
    config : BuildConfig
        Settings of the simulation.
    probed : list of nengo.builder.Signal
        Base signals whose values are wanted.
    minibatch_size : int
        Number of items in a minibatch.
    n_steps : int
        Number of steps, so that what is known to take longer for few goes one by one.
    min_weights : int, optional
        With so many weights products are worth a stage of their own.
    closed_forms : bool
        Whether filters are computed at once, too.

    Returns
    -------
    stages : list of Stage
        None at all if there would be but one loop.
    """
    if min_weights is None:
        min_weights = tuning.MIN_WEIGHTS_AT_ONCE
    division = _Division(
        plan, graph, config, probed, minibatch_size, n_steps, min_weights, closed_forms
    )
    levels = division.levels()
    if not levels or set(levels.values()) == {1}:
        return []
    return division.stages(levels)


class _Division:
    """Divides operators into stages."""

    def __init__(
        self,
        plan: Sequence[Group],
        graph: OperatorGraph,
        config: BuildConfig,
        probed: Sequence[Signal],
        minibatch_size: int,
        n_steps: int,
        min_weights: int,
        closed_forms: bool,
    ) -> None:
        self._min_weights = min_weights
        self._plan, self._graph, self._probed = plan, graph, probed
        self._build: dict[Operator, OpBuilder] = {}
        self._kept: set[Signal] = set()  # state that training leaves as it is
        self._at_once: set[Operator] = set()
        self._in_closed_form: set[Operator] = set()
        self._repeated = {op for op in graph if self._is_clock(op)}
        self._circles: list[list[Operator]] = []
        linear: set[Operator] = set()
        for group, build in Builder(plan).op_builds.items():
            items = build.steps_are_items(config)
            closed = closed_forms and build.has_closed_form(config, minibatch_size)
            linear_group = closed_forms and build.is_linear(config)
            for op in group:
                self._build[op] = build
                own = _written(op) & graph.persistent
                if linear_group and self._has_items(op, self._repeated):
                    linear.add(op)
                if items and self._has_items(op) and self._is_private(op, own):
                    self._at_once.add(op)
                    self._kept |= own
                elif (
                    closed
                    and self._has_items(op, self._repeated)
                    and self._is_private(op, _state(op))
                ):
                    self._in_closed_form.add(op)
        self._linear = LinearCircles(graph, linear, probed, n_steps, minibatch_size)

    def _users(self, base: Signal) -> set[Operator]:
        return {*self._graph.writers(base), *self._graph.reads.get(base, ())}

    def _has_items(self, op: Operator, ignored: Collection[Operator] = ()) -> bool:
        """Whether what an operator reads and writes has a minibatch axis.

        What ``ignored`` operators write is not read, although it is there.
        """
        graph = self._graph

        def has_items(sig: Signal) -> bool:
            fact, writers = graph.fact(sig), graph.writers(sig)
            if writers and all(writer in ignored for writer in writers):
                return True
            return fact.minibatched == (bool(writers) or fact.external)

        return all(map(has_items, op.all_signals))

    def _is_private(self, op: Operator, signals: Iterable[Signal]) -> bool:
        """Whether nobody but an operator knows base signals."""
        return not any(x in self._probed or self._users(x) != {op} for x in signals)

    def _is_clock(self, op: Operator) -> bool:
        """Whether an operator computes the same for all items, and from nothing."""
        return not any(
            self._graph.fact(x).minibatched for x in op.all_signals
        ) and not (any(self._graph.is_written(x) for x in op.reads))

    def _is_worth_it(self, op: Operator) -> bool:
        """Whether an operator has weights that make another stage pay."""
        is_large = any(
            sig.ndim > 1
            and sig.size >= self._min_weights
            and not self._graph.is_written(sig)
            for sig in op.reads
        )
        return is_large or bool(self._build[op].layers)

    def _edges(self) -> dict[Any, set[Any]] | None:
        """What waits for what: operators, and stages of signals."""
        graph = self._graph
        after: dict[Any, set[Any]] = {op: set() for op in graph}

        def link(sources: Iterable[Any], node: Any, targets: Iterable[Any]) -> None:
            for source in sources:
                after.setdefault(source, set()).add(node)
            after.setdefault(node, set()).update(targets)

        for base in graph.signals:
            users = self._users(base) - self._repeated
            writers = graph.writers(base)
            if base in self._kept or self._repeated.issuperset(writers):
                continue
            if not graph.fact(base).minibatched:
                return None
            sets, incs, reads, updates = (
                x.get(base, ())
                for x in (graph.sets, graph.incs, graph.reads, graph.updates)
            )
            is_state = base in graph.persistent
            if base.ndim > 1 or (is_state and (sets or incs)):
                link(users, ("all", base), users)
            elif is_state:
                link(updates, ("updated", base), [*updates, *reads])
            else:
                link(sets, ("set", base), incs)
                link(sets, ("incremented", base), ())
                link(incs, ("incremented", base), reads)
        return after

    def levels(self) -> dict[Operator, int]:
        """The stage of each operator: an even number for those computed at once."""
        after = self._edges()
        if after is None:
            return {}
        before: dict[Any, set[Any]] = {node: set() for node in after}
        for node, targets in after.items():
            for target in targets:
                before[target].add(node)
        levels: dict[Any, int] = {}
        components = strong_components(after)
        for component in components:
            waits_for = {x for node in component for x in before[node]} & levels.keys()
            is_first = any(map(self._is_from_outside, component))
            if not (waits_for or is_first) and all(map(self._is_simple, component)):
                continue
            last = max((levels[x] for x in waits_for), default=0)
            if self._is_filter(component) and last % 2 == 0:
                # what it updates has been read before
                levels.update(dict.fromkeys(component, last + 2))
                levels |= {x: last for x in component if isinstance(x, Operator)}
                continue
            circle = [] if last % 2 else self._circle(component)
            if circle:
                self._set_circle(circle, component, before, levels)
                continue
            if len(component) > 1 or not self._is_simple(component[0]):
                last += 1 - last % 2
            elif self._is_heavy(component[0]):
                last += last % 2
            levels.update(dict.fromkeys(component, last))
        self._join_loops(levels, after)
        latest = max(levels.values(), default=1)
        for component in reversed(components):  # constants: where they are used first
            if component[0] not in levels:
                known = [levels[x] for x in after[component[0]]]
                levels[component[0]] = min(known, default=latest)
        return {op: levels[op] for op in self._graph if op not in self._repeated}

    def _circle(self, component: Sequence[Any]) -> list[Operator]:
        """Find the circle of linear operators that a component is, if it is one."""
        operators = _operators(component)
        return self._linear.of(operators) if len(operators) > 1 else []

    def _set_circle(
        self,
        circle: list[Operator],
        component: Sequence[Any],
        before: Mapping[Any, set[Any]],
        levels: dict[Any, int],
    ) -> None:
        """Give a circle of linear operators a stage between what it reads and gives.

        What prepares its inputs is moved to it.
        """
        own = {
            *circle,
            *component,
            *(("set", x) for op in circle for x in _written(op)),
        }
        read = {x for node in own & before.keys() for x in before[node]} - own
        last = max((levels[x] for x in read & levels.keys()), default=-1)
        stage = last + 2 - last % 2
        levels |= {x: stage if isinstance(x, Operator) else stage + 2 for x in own}
        self._circles.append(circle)
        self._in_closed_form.update(circle)

    def _join_loops(
        self, levels: dict[Any, int], after: Mapping[Any, Collection[Any]]
    ) -> None:
        """Make one loop of two, if nothing that is large waits for the first."""
        loops = sorted({level for level in levels.values() if level % 2})
        for level, following in pairwise(loops):
            moved = dict.fromkeys(x for x, known in levels.items() if known == level)
            left = [*moved]
            while left:
                new = {x for x in after[left.pop()] if levels[x] < following}
                left += new - moved.keys()
                moved |= dict.fromkeys(new)
            if not any(
                self._is_heavy(x) or x in self._in_closed_form
                for x in moved
                if levels[x] > level
            ):
                levels.update(dict.fromkeys(moved, following))

    def _is_from_outside(self, node: Any) -> bool:
        return isinstance(node, Operator) and any(
            self._graph.fact(sig).external for sig in node.reads
        )

    def _is_simple(self, node: Any) -> bool:
        return not isinstance(node, Operator) or node in self._at_once | self._repeated

    def _is_filter(self, component: Sequence[Any]) -> bool:
        """Whether a component is an operator that has a closed form."""
        operators = _operators(component)
        return len(operators) == 1 and operators[0] in self._in_closed_form

    def _is_heavy(self, node: Any) -> bool:
        return node in self._at_once and self._is_worth_it(node)

    def stages(self, levels: Mapping[Operator, int]) -> list[Stage]:
        """Collect the stages."""
        graph = self._graph
        order = sorted(set(levels.values()))
        written: dict[Signal, set[int]] = {}
        touched: dict[Signal, set[int]] = {}
        for op, level in levels.items():
            for base in _written(op) - self._kept:
                written.setdefault(base, set()).add(level)
            for base in {sig.base for sig in op.all_signals} - self._kept:
                touched.setdefault(base, set()).add(level)
        known_after = [max(written.get(base, {order[0]})) for base in self._probed]
        for base, level in zip(self._probed, known_after, strict=True):
            touched.setdefault(base, set()).add(level)

        in_circles = {op for circle in self._circles for op in circle}

        def groups(level: int) -> list[Group]:
            chosen = [
                tuple(
                    op
                    for op in group
                    if (levels.get(op) == level and op not in in_circles)
                    or (op in self._repeated and level % 2)
                )
                for group in self._plan
            ]
            last = [
                (self._linear.operator(circle, self._plan),)
                for circle in self._circles
                if levels[circle[0]] == level
            ]
            return [*filter(None, chosen), *last]

        def collected(choose: Callable[[Signal], bool]) -> list[Signal]:
            return list(filter(choose, touched))

        def stage(level: int) -> Stage:
            def is_written(signal: Signal) -> bool:
                return level in written.get(signal, ())

            def is_known(signal: Signal) -> bool:
                before = min(written.get(signal, {level})) < level
                return level in touched[signal] and (
                    before or graph.fact(signal).external
                )

            def is_awaited(signal: Signal) -> bool:
                return is_written(signal) and max(touched[signal]) > level

            def persists(signal: Signal) -> bool:
                return signal in graph.persistent

            return Stage(
                level % 2 == 0,
                groups(level),
                collected(is_known),
                [i for i, last in enumerate(known_after) if last == level],
                collected(lambda x: is_awaited(x) and not persists(x)),
                collected(lambda x: is_awaited(x) and persists(x)),
                collected(lambda x: is_written(x) and persists(x)),
            )

        return [stage(level) for level in order]


def _written(op: Operator) -> set[Signal]:
    return {sig.base for sig in written_signals(op)}


def _operators(component: Sequence[Any]) -> list[Operator]:
    return [node for node in component if isinstance(node, Operator)]


def _state(op: Operator) -> set[Signal]:
    """What an operator says that it alone uses."""
    return {sig.base for sig in getattr(op, "state", {}).values()}
