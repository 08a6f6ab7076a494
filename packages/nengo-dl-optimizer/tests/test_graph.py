"""The operator graph: who accesses what, what is known, what stands for what."""

import random

import nengo
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nengo.builder.operator import Copy, DotInc, Operator, Reset
from nengo.builder.signal import Signal
from nengo.exceptions import BuildError, SignalError
from nengo.utils.graphs import toposort, transitive_closure
from nengo.utils.simulator import operator_dependency_graph

from nengo_dl_optimizer import (
    OperatorGraph,
    SignalFacts,
    noop_planner,
    signal_io_dicts,
)
from random_graphs import Accumulate, random_graph


def vectors(n, size=3):
    return [Signal(np.arange(float(size)), name=f"v{i}") for i in range(n)]


def test_it_is_an_immutable_sequence():
    a, b = vectors(2)
    operators = [Reset(a), Copy(a, b)]
    graph = OperatorGraph(operators)
    operators.clear()
    assert len(graph) == 2
    assert isinstance(graph[0], Reset)
    assert graph[1:] == (graph[1],)
    assert list(graph) == [graph[0], graph[1]]
    assert not hasattr(graph, "append")
    assert repr(graph) == "<OperatorGraph of 2 operators>"


def test_accesses_are_listed_by_base_signal_in_order():
    a, b = vectors(2)
    first, second = Copy(a[:1], b[1:2], inc=True), Copy(a[1:], b[1:], inc=True)
    reset = Reset(b)
    graph = OperatorGraph([first, reset, second])
    assert dict(graph.sets) == {b: (reset,)}
    assert dict(graph.incs) == {b: (first, second)}
    assert dict(graph.reads) == {a: (first, second)}
    assert dict(graph.updates) == {}
    assert graph.signals == (a, b)


def test_signal_io_dicts_returns_four_dictionaries_of_lists():
    a, b = vectors(2)
    copy, reset = Copy(a, b, inc=True), Reset(b)
    assert signal_io_dicts([reset, copy]) == (
        {b: [reset]},
        {b: [copy]},
        {a: [copy]},
        {},
    )


def test_facts_are_those_of_the_base_and_have_defaults():
    a, b = vectors(2)
    graph = OperatorGraph([Copy(a, b)], {a: SignalFacts(trainable=True)})
    assert graph.fact(a[:2]).trainable is True
    assert graph.fact(b) == SignalFacts(
        trainable=None, minibatched=False, external=False
    )


def test_replaced_signals_are_followed_through_several_changes():
    a, b, c = vectors(3)
    d = Signal(np.zeros(5))
    first = OperatorGraph([Reset(a)]).with_operators([Reset(b)], {a: b})
    second = first.with_operators([Copy(d, c)], {b: d[1:4]})
    current = second.current(a[1:])
    assert current.base is d
    assert (current.offset, current.shape) == (16, (2,))
    assert second.current(c) is c


def test_a_new_signal_takes_over_the_facts_of_the_one_it_replaces():
    a, b = vectors(2)
    facts = {a: SignalFacts(minibatched=True)}
    graph = OperatorGraph([Reset(a)], facts).with_operators([Reset(b)], {a: b})
    assert graph.fact(b).minibatched


def test_a_signal_of_another_size_cannot_stand_for_a_view():
    a, b = Signal(np.zeros(3)), Signal(np.zeros(4))
    graph = OperatorGraph([Reset(b)], replaced={a: b})
    with pytest.raises(SignalError, match="3"):
        graph.current(a[:2])


def test_operators_that_a_simplification_wraps_anew_keep_what_is_known():
    a, b = vectors(2)
    graph = OperatorGraph([Reset(a)], {a: SignalFacts(external=True)}, lambda *_: False)
    wrapped = graph.follow(OperatorGraph([Reset(b)], replaced={a: b}))
    assert wrapped.fact(a).external
    assert wrapped.mergeable is graph.mergeable
    assert wrapped.current(a) is b
    derived = graph.with_operators([Reset(b)])
    assert graph.follow(derived) is derived
    assert graph.follow([Reset(b)]).fact(a).external


class TestPersistence:
    """A signal is persistent unless each step sets all of it before it is read."""

    def is_persistent(self, signal, *operators):
        return signal in OperatorGraph(operators).persistent

    def test_what_nothing_writes_is_not_persistent(self):
        a, b = vectors(2)
        assert not self.is_persistent(a, Copy(a, b))

    def test_what_is_overwritten_is_not_persistent(self):
        a, b = vectors(2)
        assert not self.is_persistent(b, Copy(a, b), Copy(a, b, inc=True))

    def test_what_is_updated_is_persistent(self):
        a, b, t = vectors(3)
        process = nengo.builder.processes.SimProcess(
            nengo.Lowpass(0.1), a, b, t, mode="update"
        )
        assert self.is_persistent(b, process)

    def test_what_is_only_incremented_is_persistent(self):
        a, b = vectors(2)
        assert self.is_persistent(b, Copy(a, b, inc=True))

    def test_what_is_set_in_part_is_persistent(self):
        a, b = vectors(2)
        assert self.is_persistent(b, Reset(b[:2]))
        assert not self.is_persistent(b, Reset(b[:2]), Copy(a[:1], b[2:]))
        assert self.is_persistent(b, Copy(a, b, src_slice=[0], dst_slice=[1]))

    def test_the_state_of_neurons_is_persistent_and_their_output_is_not(self):
        j, output, voltage = vectors(3)
        op = nengo.builder.neurons.SimNeurons(
            nengo.SpikingRectifiedLinear(), j, output, state={"voltage": voltage}
        )
        assert self.is_persistent(voltage, op)
        assert not self.is_persistent(output, op)

    def test_the_step_counter_is_persistent_and_the_time_is_not(self):
        model = nengo.builder.Model()
        graph = OperatorGraph(model.operators)
        assert graph.persistent == {model.step}

    def test_an_operator_type_can_state_what_it_overwrites(self):
        x, total, mean = (
            Signal(np.ones(2)),
            Signal(np.array(0.0)),
            Signal(np.array(0.0)),
        )
        op = Accumulate(x, total, mean)
        assert self.is_persistent(total, op)
        assert not self.is_persistent(mean, op)

    def test_nothing_is_assumed_about_unknown_operators(self):
        class Unknown(Reset):
            pass

        (a,) = vectors(1)
        assert self.is_persistent(a, Unknown(a))


@settings(deadline=None, max_examples=200)
@given(seed=st.integers(0, 2**32 - 1))
def test_operators_wait_for_those_that_nengo_makes_them_wait_for(seed):
    operators = random_graph(random.Random(seed), 12).operators
    # Nengo also orders operators by signals without elements, such as empty state.
    assume(all(signal.size for op in operators for signal in op.all_signals))
    successors = OperatorGraph(operators).dependencies.successors
    expected = transitive_closure(operator_dependency_graph(operators))
    for i, op in enumerate(operators):
        assert {operators[j] for j in _reachable(successors, i, len(operators))} == set(
            expected[op]
        )


def _reachable(successors, start, n_operators):
    found, pending = set(), [start]
    while pending:
        for node in successors[pending.pop()]:
            if node not in found:
                found.add(node)
                pending.append(node)
    return {node for node in found if node < n_operators}


def test_many_readers_of_many_writers_take_few_edges():
    n = 500
    shared, sources = Signal(np.zeros(n)), vectors(n, 1)
    writers = [Copy(source, shared[i : i + 1]) for i, source in enumerate(sources)]
    readers = [Copy(shared, Signal(np.zeros(n))) for _ in range(n)]
    graph = OperatorGraph(writers + readers)
    assert sum(map(len, graph.dependencies.successors)) < 20 * n


def test_writers_are_found_however_they_write():
    a, b, c = vectors(3)
    setting, adding, reading = Copy(a, b[:1]), Copy(c, b, inc=True), Copy(b, c)
    graph = OperatorGraph([reading, adding, setting])
    assert graph.writers(b[1:]) == [setting, adding]
    assert graph.writers(a) == []
    assert [graph.is_written(signal) for signal in (a, b, c)] == [False, True, True]


def test_cycles_are_reported_as_nengo_does():
    a, b = vectors(2)
    operators = [Copy(a, b), Copy(b, a)]
    with pytest.raises(BuildError, match="cycle"):
        toposort(operator_dependency_graph(operators))
    with pytest.raises(BuildError, match="2 of 2 operators wait for each other"):
        noop_planner(operators)


def test_operators_may_have_no_signals():
    class Nothing(Operator):
        def __init__(self):
            super().__init__()
            self.sets = self.incs = self.reads = self.updates = []

    graph = OperatorGraph([Nothing(), DotInc(*vectors(3)[:2], Signal(np.array(0.0)))])
    assert len(noop_planner(graph)) == 2
