"""Views of base arrays, and the environment that binds tensors to their rows."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from nengo.builder.signal import Signal

from nengo_dl_core.builders.bound_rows import BoundRows
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.builders.tensor_signal import TensorSignal


def view(slices, shape, minibatch_size=None):
    return TensorSignal(slices, "base", "float32", shape, minibatch_size)


def environment(value, minibatch_size=1):
    signals = SignalDict("float32", minibatch_size)
    batched = int(np.ndim(value) > 1)
    signals.extend("base", tf.constant(value, tf.float32), np.shape(value)[batched])
    return signals


class TestTensorSignal:
    def test_neighbouring_slices_are_joined(self):
        assert view([(0, 2), (2, 5), (7, 8)], (6,)).slices == ((0, 5), (7, 8))

    def test_shapes(self):
        sig = view([(0, 4)], (4, 3), minibatch_size=2)
        assert (sig.ndim, sig.minibatched, sig.full_shape) == (2, True, (2, 4, 3))

    @pytest.mark.parametrize(
        "indices", [slice(1, 3), slice(None, None, 2), [4, 0, 0], slice(None, None, -1)]
    )
    def test_indexing_selects_items(self, indices):
        rows = np.r_[3:6, 8:10]
        sig = view([(3, 6), (8, 10)], (5,))[indices]
        np.testing.assert_array_equal(sig.rows, rows[indices])
        assert sig.shape == rows[indices].shape

    def test_indexing_a_reshaped_view_selects_its_items(self):
        sig = view([(0, 6)], (2, 3))[1:]
        assert (sig.slices, sig.shape) == (((3, 6),), (1, 3))

    def test_index_out_of_range(self):
        with pytest.raises(IndexError):
            view([(0, 3)], (3,))[[3]]

    def test_items_that_are_no_whole_rows(self):
        with pytest.raises(ValueError, match="not whole rows"):
            view([(0, 2)], (4, 3))[:1]

    def test_reshape(self):
        sig = view([(0, 6)], (6,)).reshape((2, -1))
        assert (sig.shape, sig.slices) == ((2, 3), ((0, 6),))
        with pytest.raises(ValueError, match="reshape"):
            sig.reshape((4, 2))

    def test_tf_indices(self):
        sig = view([(1, 3), (5, 6)], (3,), minibatch_size=2)
        base = tf.reshape(tf.range(12.0), (2, 6))
        np.testing.assert_array_equal(sig.tf_indices, [1, 2, 5])
        np.testing.assert_array_equal(
            tf.gather_nd(base, sig.tf_indices_nd), [[1, 2, 5], [7, 8, 11]]
        )
        np.testing.assert_array_equal(view([(1, 3)], (2,)).tf_indices_nd, [[1], [2]])


class TestSignalDict:
    def test_a_read_of_what_was_written_is_the_same_tensor(self):
        signals = environment(np.zeros(5))
        value = tf.constant([1.0, 2.0])
        signals.scatter(view([(1, 3)], (2,)), value)
        assert signals.gather(view([(1, 3)], (2,))) is value

    @given(st.data())
    def test_behaves_like_an_array(self, data):
        """Any sequence of writes and reads gives what NumPy gives.

        Some writes are of a value that all items have in common.
        """
        n_rows = data.draw(st.integers(1, 40))
        batch = data.draw(st.integers(1, 3))
        array = np.arange(batch * n_rows, dtype=np.float32).reshape((batch, n_rows))
        signals = environment(array, batch)
        array = array.copy()
        for _ in range(data.draw(st.integers(1, 4))):
            mode = data.draw(st.sampled_from(["update", "inc"]))
            rows = data.draw(
                st.lists(st.integers(0, n_rows - 1), unique=mode == "update")
            )
            sig = view([(0, n_rows)], (n_rows,), batch)[rows]
            value = np.arange(1, batch * len(rows) + 1, dtype=np.float32)
            value = value.reshape((batch, -1))
            if data.draw(st.booleans()):
                value = value[:1]
            signals.scatter(sig, tf.constant(value), mode=mode)
            for column, row in enumerate(rows):
                new = value[:, column]
                array[:, row] = new + (array[:, row] if mode == "inc" else 0)
            np.testing.assert_array_equal(signals.gather(sig), array[:, rows])
        whole = view([(0, n_rows)], (n_rows,), batch)
        np.testing.assert_array_equal(signals.gather(whole), array)

    def test_value_of_one_item_is_that_of_all(self):
        signals = environment(np.zeros((3, 2)), 3)
        sig = view([(0, 2)], (2,), 3)
        signals.scatter(sig, tf.constant([1.0, 2.0]))
        np.testing.assert_array_equal(signals.gather(sig), [[1, 2]] * 3)

    def test_scatter_refuses_other_types_and_modes(self):
        signals = environment(np.zeros(2))
        sig = view([(0, 2)], (2,))
        with pytest.raises(ValueError, match="type float32, not float64"):
            signals.scatter(sig, tf.zeros(2, tf.float64))
        with pytest.raises(ValueError, match="mode must be"):
            signals.scatter(sig, tf.zeros(2), mode="add")

    def test_gather_from_an_unknown_array(self):
        with pytest.raises(KeyError):
            SignalDict("float32", 1).gather(view([(0, 1)], (1,)))

    def test_reset_forgets_what_was_bound(self):
        signals = environment(np.zeros(2))
        signals.reset()
        assert signals.bases == {}

    def test_going_back_to_an_earlier_point(self):
        """Whatever is bound afterwards, what was read from ``bases`` stays."""
        signals = environment(np.zeros(4))
        sig = view([(1, 3)], (2,))
        points = []
        for number in range(3):
            points.append((signals.bases, signals.gather(sig).numpy()))
            signals.scatter(sig, tf.fill(2, number + 1.0))
            signals.scatter(sig[:1], tf.constant([-1.0]), mode="inc")
        for bases, value in [*points, *points[::-1]]:
            for _ in range(2):
                signals.bases = bases
                np.testing.assert_array_equal(signals.gather(sig), value)
                signals.scatter(sig, tf.fill(2, 7.0))

    @pytest.mark.parametrize("mode", ["update", "inc"])
    def test_many_bound_tensors_are_not_looked_through(self, mode, monkeypatch):
        """What reads or writes a tensor among many takes as many steps as among few."""
        selected = []
        monkeypatch.setattr(
            BoundRows,
            "_part",
            lambda self, k, *args: selected.append(k) or self._values[k].value,
        )
        n = 100
        signals = SignalDict("float32", 1)
        for _ in range(n):
            signals.extend("base", tf.zeros(4), 4)
        for k in range(n):
            sig = view([(4 * k, 4 * k + 4)], (4,))
            signals.scatter(sig, tf.fill(4, float(k)), mode=mode)
            np.testing.assert_array_equal(signals.gather(sig), np.full(4, k))
        assert len(selected) == n * (1 + (mode == "inc"))

    def test_parts_that_are_read_are_divided_by_one_operation(self):
        """Those that overlap, or that nobody has asked for, are cut out as well."""
        values = np.arange(10, dtype=np.float32)

        @tf.function(autograph=False)
        def read(value):
            signals = SignalDict("float32", 1)
            signals.extend("base", value, 10)
            parts = [
                signals.combine([view([rows], (rows[1] - rows[0],), 1)])
                for rows in ((0, 3), (3, 5), (2, 4))
            ]
            parts.append(view([(7, 10)], (3,), 1))
            signals.expect(parts[-1])
            late = view([(6, 8)], (2,), 1)
            return [signals.gather(sig) for sig in (*parts, *parts, late)]

        value = tf.constant(values[np.newaxis])
        parts = [*np.split(values, [3, 5])[:2], values[2:4], values[7:]]
        for actual, expected in zip(
            read(value), [*parts, *parts, values[6:8]], strict=True
        ):
            np.testing.assert_array_equal(actual, expected[np.newaxis])
        graph = read.get_concrete_function(value).graph
        types = [op.type for op in graph.get_operations()]
        assert (types.count("SplitV"), types.count("Slice")) == (1, 3)

    def test_what_is_written_is_divided_by_one_operation(self):
        @tf.function(autograph=False)
        def write(value):
            signals = SignalDict("float32", 1)
            signals.extend("base", tf.zeros(5), 5)
            signals.scatter(view([(3, 5), (0, 1)], (3,)), value)
            return signals.gather(view([(0, 5)], (5,)))

        value = tf.constant([1.0, 2.0, 3.0])
        np.testing.assert_array_equal(write(value), [3.0, 0.0, 0.0, 1.0, 2.0])
        (given,) = write.get_concrete_function(value).graph.inputs
        assert [op.type for op in given.consumers()] == ["SplitV"]

    def test_combine(self):
        signals = SignalDict("float32", 1)
        first, second = Signal(np.zeros(2)), Signal(np.zeros(1))
        for sig, start in ((first, 0), (second, 5)):
            signals.get_tensor_signal(
                [(start, start + sig.size)], "base", "float32", sig.shape, True, sig
            )
        assert len(signals) == 2
        assert first in signals
        combined = signals.combine([second, first])
        assert (combined.slices, combined.shape) == (((5, 6), (0, 2)), (3,))
        assert combined.minibatch_size == 1
        with pytest.raises(ValueError, match="no signals to combine"):
            signals.combine([])
        with pytest.raises(ValueError, match="one base array"):
            signals.combine([first, view([(0, 1)], (1, 2))])

    def test_op_constant(self):
        class Op:
            def __init__(self, tau):
                self.tau = tau

        signals = SignalDict("float32", 1)
        same = signals.op_constant([Op(0.1), Op(0.1)], [2, 1], "tau", "float32")
        assert same.shape == ()
        different = signals.op_constant([Op(0.1), Op(0.2)], [2, 1], "tau", "float32")
        np.testing.assert_allclose(different, [[0.1, 0.1, 0.2]])
        column = signals.op_constant([Op(1), Op(2)], [1, 1], "tau", "int32", (-1, 1))
        np.testing.assert_array_equal(column, [[1], [2]])
