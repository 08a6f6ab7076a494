"""Which rows of which block of memory a signal is."""

import numpy as np
import pytest
from nengo.builder.operator import Copy, Reset, SparseDotInc
from nengo.builder.probe import SimProbe
from nengo.builder.signal import Signal
from nengo.exceptions import SignalError
from nengo.transforms import SparseMatrix

from nengo_dl_optimizer import Layout, OperatorGraph, SignalFacts, View


def signal(*shape, dtype=float):
    return Signal(np.arange(np.prod(shape), dtype=dtype).reshape(shape))


def layout_of(*groups, facts=None, order=None):
    graph = OperatorGraph((op for group in groups for op in group), facts or {})
    return Layout(graph, groups, order or graph.signals)


def resets(*signals):
    return tuple(Reset(signal) for signal in signals)


class TestBlocks:
    """Signals of one kind are one block."""

    def test_they_are_concatenated_in_order(self):
        a, b = signal(2, 3), signal(4, 3)
        layout = layout_of(resets(a, b), order=[b, a])
        (block,) = layout.blocks
        assert block.signals == (b, a)
        assert block.shape == (6, 3)
        expected = np.concatenate([b.initial_value, a.initial_value])
        np.testing.assert_array_equal(block.initial_value(), expected)
        assert layout.view(b) == View(0, ((0, 4),), (4, 3))
        assert layout.view(a) == View(0, ((4, 6),), (2, 3))

    def test_a_scalar_is_a_row(self):
        a, b = signal(), signal(2)
        layout = layout_of(resets(a, b))
        (block,) = layout.blocks
        assert block.shape == (3,)
        assert layout.view(a) == View(0, ((0, 1),), ())

    @pytest.mark.parametrize(
        "other", [signal(2, 4), signal(2), signal(2, 3, dtype=np.int64)], ids=str
    )
    def test_another_form_is_another_block(self, other):
        assert len(layout_of(resets(signal(2, 3), other)).blocks) == 2

    @pytest.mark.parametrize(
        "fact",
        [
            SignalFacts(trainable=True),
            SignalFacts(trainable=False),
            SignalFacts(minibatched=True),
            SignalFacts(external=True),
        ],
    )
    def test_another_fact_is_another_block(self, fact):
        a, b = signal(2), signal(2)
        plain, special = layout_of(resets(a, b), facts={b: fact}).blocks
        assert (special.trainable, special.minibatched, special.external) == (
            fact.trainable,
            fact.minibatched,
            fact.external,
        )
        assert (plain.trainable, plain.minibatched, plain.external) == (
            None,
            False,
            False,
        )

    def test_constants_and_what_is_written_are_apart(self):
        a, b = signal(2), signal(2)
        source, target = layout_of((Copy(a, b),), order=[a, b]).blocks
        assert (source.written, target.written) == (False, True)
        assert not source.persistent
        assert not target.persistent

    def test_state_of_one_group_is_a_block(self):
        a, b, c, x = (signal(2) for _ in range(4))
        first = tuple(Copy(x, state, inc=True) for state in (a, b))
        second = (Copy(x, c, inc=True),)
        blocks = layout_of(first, second, order=[x, a, c, b]).blocks
        assert [block.signals for block in blocks] == [(x,), (a, b), (c,)]
        assert [block.persistent for block in blocks] == [False, True, True]

    def test_sparse_signals_are_their_entries(self):
        a = Signal(SparseMatrix([(0, 1), (2, 0)], [0.5, 1.5], (3, 2)))
        op = SparseDotInc(a, signal(2), signal(3))
        layout = layout_of((op,))
        view = layout.view(a)
        assert view.shape == (2,)
        (rows,) = view.slices
        block = layout.blocks[view.block].initial_value()
        assert block[slice(*rows)].tolist() == [0.5, 1.5]


class TestViews:
    """A view is some rows of its base's block."""

    @pytest.mark.parametrize(
        ("item", "slices"),
        [
            (slice(1, 3), ((1, 3),)),
            (slice(None, None, 2), ((0, 1), (2, 3))),
            (slice(None, None, -1), ((3, 4), (2, 3), (1, 2), (0, 1))),
            (2, ((2, 3),)),
        ],
    )
    def test_rows(self, item, slices):
        base = signal(4, 2)
        view = base[item]
        layout = layout_of(resets(view))
        found = layout.view(view)
        assert (found.slices, found.shape) == (slices, view.shape)
        assert layout.blocks[found.block].shape == (4, 2)

    def test_a_column_makes_its_base_flat(self):
        base, other = signal(3, 2), signal(3, 2)
        layout = layout_of(resets(base[:, 1], other))
        found = layout.view(base[:, 1])
        assert found.slices == ((1, 2), (3, 4), (5, 6))
        assert layout.blocks[found.block].shape == (6,)
        assert layout.view(base).shape == (3, 2)
        assert layout.blocks[layout.view(other).block].shape == (3, 2)

    def test_a_view_that_no_operator_uses_may_cut_rows(self):
        base = signal(3, 2)
        layout = layout_of(resets(base))
        with pytest.raises(SignalError, match=r"not made of whole rows .*\(2,\)"):
            layout.view(base[:, 1])

    def test_signals_of_the_model_are_found_after_simplification(self):
        a, b = signal(2), signal(2)
        graph = OperatorGraph([SimProbe(b)], replaced={a: b})
        layout = Layout(graph, [(graph[0],)], [b])
        assert a in layout
        assert layout.view(a) == layout.view(b)


class TestErrors:
    """What is not laid out is named."""

    def test_unused_signals(self):
        layout = layout_of(resets(signal(2)))
        other = signal(3)
        assert other not in layout
        with pytest.raises(SignalError, match="not used by any operator"):
            layout.view(other)

    def test_missing_signals(self):
        with pytest.raises(SignalError, match="1 signals are missing"):
            layout_of(resets(signal(2)), order=[signal(3)])
