"""A view reads and writes a signal in an array of its block."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nengo.builder.operator import Reset
from nengo.builder.signal import Signal

from nengo_dl_optimizer import Layout, OperatorGraph, View

ITEMS = st.sampled_from(
    [
        (slice(None),),
        (slice(1, 3),),
        (slice(None, None, 2),),
        (slice(None, None, -1),),
        (slice(2, 2),),
        (1,),
        (slice(None), 1),
        (slice(1, None), slice(0, 2)),
        (2, 1),
    ]
)
LEADING = st.sampled_from([(), (3,), (2, 3)])


def laid_out(item):
    """Lay out two matrices, of the second of which some view is used."""
    first, second = (Signal(np.zeros((4, 3))) for _ in range(2))
    view = second[item if len(item) > 1 else item[0]]
    graph = OperatorGraph([Reset(first), Reset(view)])
    return Layout(graph, [(op,) for op in graph], graph.signals), second, view


def array_of(layout, view, leading):
    """Make an array of a view's block in which all numbers are different."""
    shape = (*leading, *layout.blocks[view.block].shape)
    return np.arange(np.prod(shape)).reshape(shape)


def index_of(item, leading):
    """Return the index of a signal's view for a value with leading axes."""
    inner = [slice(i, i + 1) if isinstance(i, int) else i for i in item]
    return (slice(None),) * len(leading) + tuple(inner)


@given(item=ITEMS, leading=LEADING)
def test_reading_is_indexing(item, leading):
    layout, base, signal = laid_out(item)
    array = array_of(layout, layout.view(signal), leading)
    matrix = layout.view(base).read(array, len(leading))

    found = layout.view(signal).read(array, len(leading))

    assert found.shape == (*leading, *signal.shape)
    expected = matrix[index_of(item, leading)]
    np.testing.assert_array_equal(found.ravel(), expected.ravel())


@given(item=ITEMS, leading=LEADING)
def test_writing_changes_the_signal_and_nothing_else(item, leading):
    layout, base, signal = laid_out(item)
    view, whole = layout.view(signal), layout.view(base)
    array = array_of(layout, view, leading)
    value = -1 - np.arange(signal.size).reshape(signal.shape)
    expected = array.copy()
    matrix = whole.read(expected, len(leading)).copy()
    part = matrix[index_of(item, leading)]
    part[...] = np.broadcast_to(value, (*leading, *signal.shape)).reshape(part.shape)
    whole.write(expected, matrix, len(leading))

    view.write(array, value, len(leading))

    np.testing.assert_array_equal(array, expected)


def test_a_slice_is_read_without_a_copy():
    array = np.zeros((2, 5, 3))
    View(0, ((1, 3),), (6,)).read(array, axis=1)[...] = 1
    np.testing.assert_array_equal(array[:, 1:3], np.ones((2, 2, 3)))
    assert array.sum() == 12


def test_a_number_is_written_to_all_elements():
    array = np.zeros(5)
    View(0, ((0, 1), (3, 4)), (2,)).write(array, 2.0)
    assert array.tolist() == [2, 0, 0, 2, 0]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="broadcast"):
        View(0, ((0, 2),), (2,)).write(np.zeros(5), np.zeros(3))
