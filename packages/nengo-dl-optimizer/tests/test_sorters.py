"""The order of signals in memory, and of operators in their groups."""

import numpy as np
import pytest
from nengo.builder.operator import Copy, DotInc, ElementwiseInc, Reset
from nengo.builder.signal import Signal
from nengo.exceptions import BuildError, SignalError

from nengo_dl_optimizer import (
    OperatorGraph,
    hamming_sort,
    noop_order_signals,
    optimize,
    order_signals,
    sort_ops_by_signals,
    sort_signals_by_ops,
)
from nengo_dl_optimizer.sorters.io_blocks import shares_vectors


def vectors(names):
    return [Signal(np.zeros(2), name=name) for name in names]


def names(signals):
    return "".join(signal.name for signal in signals)


class TestHammingSort:
    """Signals in the same blocks are neighbours, in larger blocks before others."""

    @pytest.mark.parametrize(
        ("blocks", "expected"),
        [
            ({}, ""),
            ({"a": set(), "b": {0}}, "ba"),
            ({"a": {0}, "b": {1}, "c": {0}, "d": {1}}, "acbd"),
            ({"a": {0}, "b": {1}, "c": {0, 1}, "d": {0}}, "adcb"),
            ({"a": {0}, "b": {1}, "c": {1, 2}, "d": {2}, "e": {0, 1}}, "bcead"),
        ],
    )
    def test_order(self, blocks, expected):
        found = hamming_sort({signal: frozenset(b) for signal, b in blocks.items()})
        assert sorted(found) == sorted(blocks)
        assert "".join(found) == expected

    def test_two_largest_blocks_are_in_one_piece(self):
        rng = np.random.RandomState(0)
        for _ in range(50):
            blocks = {
                i: frozenset(np.flatnonzero(rng.randint(2, size=4)).tolist())
                for i in range(20)
            }
            sizes = [sum(b in members for members in blocks.values()) for b in range(4)]
            if len(set(sizes)) < len(sizes):
                continue  # which ones are the largest is open
            order = hamming_sort(blocks)
            for block in sorted(range(4), key=lambda b: -sizes[b])[:2]:
                places = [i for i, s in enumerate(order) if block in blocks[s]]
                assert places == list(range(places[0], places[-1] + 1))


class TestRearrangement:
    """Operators follow signals, and signals follow operators."""

    def test_operators_follow_signals(self):
        a, b, c = vectors("abc")
        group = (Reset(a), Reset(b), Reset(c))
        new_plan = {group: group}
        result = sort_ops_by_signals(
            [(group, 0)],
            [c, a, b],
            {c: 0, a: 1, b: 2},
            new_plan,
            dict.fromkeys([a, b, c], frozenset({0})),
            {op: op.all_signals for op in group},
        )
        assert result is new_plan
        assert names(op.dst for op in new_plan[group]) == "cab"

    def test_operators_follow_views(self):
        (a,) = vectors("a")
        group = (Reset(a[1:]), Reset(a[:1]))
        new_plan = {group: group}
        sort_ops_by_signals(
            [(group, 0)], [a], {a: 0}, new_plan, {}, {op: op.sets for op in group}
        )
        assert new_plan[group] == (group[1], group[0])

    def test_the_last_block_wins(self):
        a, b, c, d = vectors("abcd")
        group = (Copy(a, d), Copy(b, c))
        by_source, by_target = [(group, 0)], [(group, 1)]
        sigs = [a, b, c, d]
        for order, expected in (
            (by_target + by_source, "ab"),
            (by_source + by_target, "ba"),
        ):
            new_plan = sort_ops_by_signals(
                order,
                sigs,
                {signal: i for i, signal in enumerate(sigs)},
                {group: group},
                {},
                {op: op.all_signals for op in group},
            )
            assert names(op.src for op in new_plan[group]) == expected

    def test_signals_follow_operators_within_their_blocks(self):
        a, b, c, d = vectors("abcd")
        group = (Reset(c), Reset(d), Reset(a), Reset(b))
        sig_idxs = {a: 0, b: 1, c: 2, d: 3}
        blocks = {a: {0}, b: {0, 1}, c: {0}, d: {0, 1}}
        result = sort_signals_by_ops(
            [(group, 0)],
            [a, b, c, d],
            sig_idxs,
            {group: group},
            {signal: frozenset(b) for signal, b in blocks.items()},
            {op: op.all_signals for op in group},
        )
        assert result is sig_idxs
        assert names(sorted(sig_idxs, key=sig_idxs.get)) == "cdab"


class TestOrderSignals:
    """All inputs and outputs of all groups are in one piece if that is possible."""

    def test_groups_in_conflicting_orders_agree(self):
        a, b, c, d, e, f = vectors("abcdef")
        plan = [(Copy(a, c), Copy(b, d)), (Copy(d, e), Copy(c, f))]
        for signals, groups in (order_signals(plan), order_signals(plan, n_passes=1)):
            place = {signal: i for i, signal in enumerate(signals)}
            for group in groups:
                for access in ("src", "dst"):
                    places = [place[getattr(op, access)] for op in group]
                    assert places == [places[0], places[0] + 1]

    def test_products_of_a_vector_are_side_by_side(self):
        vector = {x: Signal(np.zeros(4096), name=x) for x in "ab"}
        order = "abbab"
        products = [
            DotInc(Signal(np.ones((2, 4096))), vector[x], Signal(np.zeros(2)))
            for x in order
        ]
        results = [Signal(np.zeros(2), name=str(i)) for i in range(len(order))]
        plan = [
            tuple(products),
            tuple(Copy(op.Y, y) for op, y in zip(products, results, strict=True)),
            (Copy(results[0][:1], vector["b"][1:]),),
        ]
        signals, groups = order_signals(plan)
        assert names(op.X for op in groups[0]) == "aabbb"
        for access in ("A", "Y"):
            places = [signals.index(getattr(op, access)) for op in groups[0]]
            assert places == list(range(places[0], places[0] + len(order)))

    def test_products_that_increment_the_same_signal_follow_that(self):
        a, b = (Signal(np.zeros(4096)) for _ in range(2))
        matrices = [Signal(np.ones((2, 4096))) for _ in range(4)]

        def shared(*targets):
            group = tuple(map(DotInc, matrices, (a, b, a, b), targets))
            return [shares_vectors(group, slot) for slot in range(3)]

        assert shared(*vectors("vwxy")) == [False, True, False]
        y, z = vectors("yz")
        assert not any(shared(z, y, y, z))

    def test_signals_change_places_only_within_their_class(self):
        s, t, u, v, w, x, y = vectors("stuvwxy")
        z = Signal(np.zeros(6), name="z")
        plan = [
            (Copy(x, z[:2]), Copy(s, z[2:4]), Copy(y, z[4:])),
            tuple(map(Reset, (s, t, u, v))),
            tuple(map(Reset, (t, u, v, w))),
        ]
        signals, groups = order_signals(plan)
        assert names(signals) == "stuvwxyz"  # though the copies are in another order
        assert groups == plan

    def test_nothing_is_lost(self):
        a, b, c, d = vectors("abcd")
        plan = [(Copy(a[:1], b[1:]), Copy(a[1:], c[:1])), (Reset(d),)]
        signals, groups = order_signals(plan)
        assert sorted(names(signals)) == list("abcd")
        assert [set(group) for group in groups] == [set(group) for group in plan]

    def test_the_given_plan_is_not_changed(self):
        a, b, c, d = vectors("abcd")
        plan = [(Copy(a, d), Copy(b, c))]
        given = list(plan)
        order_signals(plan)
        assert plan == given

    def test_an_empty_plan(self):
        assert order_signals([]) == ([], [])


def test_noop_leaves_the_order_as_it_is():
    a, b, c, d = vectors("abcd")
    plan = [(ElementwiseInc(d, c, b), Reset(a[1:]))]
    signals, groups = noop_order_signals(plan, n_passes=3)
    assert names(signals) == names(plan[0][0].all_signals) + "a"
    assert groups is plan


class TestUsersSorter:
    """A user's sorter knows nothing but a plan."""

    def optimize(self, sorter):
        a, b, c = vectors("abc")
        graph = OperatorGraph([Reset(a), Reset(b), Copy(b, c)])
        return optimize(graph, sorter=sorter, simplifications=[])

    def test_its_order_is_taken(self):
        def backwards(plan):
            signals, _ = noop_order_signals(plan)
            return signals[::-1], [list(group)[::-1] for group in plan]

        optimized = self.optimize(backwards)
        assert [len(group) for group in optimized.plan] == [2, 1]
        assert names(op.dst for op in optimized.plan[0]) == "ba"
        assert {names(block.signals) for block in optimized.layout.blocks} == {"cba"}

    def test_other_groups_are_refused(self):
        with pytest.raises(BuildError, match="must return the same 2 groups"):
            self.optimize(lambda plan: (noop_order_signals(plan)[0], plan[::-1]))

    def test_missing_signals_are_refused(self):
        with pytest.raises(SignalError, match="1 signals are missing"):
            self.optimize(lambda plan: (noop_order_signals(plan)[0][1:], plan))
