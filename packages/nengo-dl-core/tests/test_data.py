"""Names of inputs and outputs, and the storage of what probes record."""

import nengo
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nengo_dl_core.network.names import unique_names
from nengo_dl_core.values.probe_data import ProbeData


def storage(sample_every=None, keep_history=True):
    with nengo.Network():
        probe = nengo.Probe(nengo.Node([0, 0]), sample_every=sample_every)
    return ProbeData(probe, 0.001, (1, 2), "float32", keep_history)


@given(
    pieces=st.lists(st.integers(1, 30), min_size=1, max_size=5),
    period=st.floats(0.0005, 0.02),
    keep_history=st.booleans(),
)
def test_buffers_keep_what_the_reference_would(pieces, period, keep_history):
    """Written row by row and cut to size, buffers hold the sampled steps."""
    data = storage(period, keep_history)
    expected, first = [], 1
    for n_steps in pieces:
        steps = np.arange(first, first + n_steps)
        expected += [step for step in steps if step % (period / 0.001) < 1]
        length = data.length(n_steps)
        rows = data.rows(steps, length) if data.thinned else np.arange(n_steps)
        buffer = np.full((length, 1, 2), -1.0)
        for row, step in zip(rows, steps, strict=True):
            buffer[row] = step
        data.append(buffer[: data.n_samples(range(first, first + n_steps))])
        first += n_steps
    expected = expected if keep_history else expected[-1:]
    np.testing.assert_array_equal(data.values[:, 0, 0], expected)


@pytest.mark.parametrize("keep_history", [True, False])
def test_values_that_were_read_stay(keep_history):
    data, read = storage(keep_history=keep_history), []
    for i in range(4):
        data.append(np.full((3, 1, 2), i))
        read.append((data.values, data.values.copy()))
        if i == 1:
            data.clear()
    for values, before in read:
        np.testing.assert_array_equal(values, before)


def test_reserved_memory_is_used():
    data = storage()
    data.reserve(10)
    buffer = data.values.base
    data.append(np.ones((6, 1, 2)))
    data.append(np.zeros((4, 1, 2)))
    assert data.values.base is buffer
    assert data.values.shape == (10, 1, 2)
    data.clear()
    assert data.values.shape == (0, 1, 2)


def test_names_are_unique_and_possible():
    with nengo.Network():
        labels = [None, "a/b", "a_b", None, "n_steps", "node_1"]
        nodes = [nengo.Node([0], label=label) for label in labels]
    names = list(unique_names(nodes, "node").values())
    assert names[:2] == ["node", "a_b"]
    assert len(set(names)) == len(names)
    assert "n_steps" not in names
    assert not any("/" in name for name in names)
