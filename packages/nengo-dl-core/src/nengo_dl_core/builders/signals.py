"""The symbolic environment of a simulation step.

A step is a dataflow: an operator's result is *bound* to the rows of memory that the
operator writes, and whoever reads those rows receives the bound tensor itself. Nothing
is scattered into, or gathered out of, a large array. Where a read covers several
bindings they are concatenated, where it covers part of one it is sliced, and where it
matches one exactly (which is what the graph optimizer arranges for) it costs nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
from nengo.builder.signal import Signal

from nengo_dl_core import tuning
from nengo_dl_core.builders.bound_rows import (
    BoundRows,
    Readings,
    concatenated,
    divided,
    repeated,
)
from nengo_dl_core.builders.numerics import constant
from nengo_dl_core.builders.products import Multiply, multiplied
from nengo_dl_core.builders.taken import taken
from nengo_dl_core.builders.tensor_signal import TensorSignal


class SignalDict(Mapping[Signal, TensorSignal]):
    """Maps Nengo signals to rows of base arrays, and those rows to tensors.

    Parameters
    ----------
    dtype : str
        Floating point type of the simulation, for example ``"float32"``.
    minibatch_size : int
        Number of items in a minibatch.

    Attributes
    ----------
    sig_map : dict
        Nengo signal to `TensorSignal`.
    dt : float
        Length of a step, in seconds.
    step : tf.Tensor
        Number of the step that is being built; the first one of a simulation is 1.
    draw_offset : tf.Tensor or int
        What is added to the number of the step where random numbers are drawn, so that
        each minibatch of a training has others.
    layer_weights : dict of {int: tf.Tensor}
        Values of the weights of Keras layers at this point of the step, by the ids of
        the layers' variables.
    multiply : callable
        Multiplies by weights that are the same in all steps; see `products`.
    taken : callable
        Takes elements in another order; `taken_back` where gradients follow.
    """

    view_type: ClassVar[type[TensorSignal]] = TensorSignal
    """The type of what signals are mapped to."""

    def __init__(self, dtype: str, minibatch_size: int) -> None:
        self.dtype = dtype
        self.minibatch_size = minibatch_size
        self.dt = 0.001
        self.step: tf.Tensor | None = None
        self.draw_offset: tf.Tensor | int = 0
        self.layer_weights: dict[int, tf.Tensor] = {}
        self.multiply: Multiply = multiplied
        self.taken = taken
        self.sig_map: dict[Signal, TensorSignal] = {}
        self._readings: defaultdict[Hashable, Readings] = defaultdict(Readings)
        self.reset()

    def reset(self) -> None:
        """Forget everything that belongs to one build of the TensorFlow graph."""
        self.bases = {}

    @property
    def bases(self) -> Mapping[Hashable, BoundRows]:
        """The tensors that are bound to base arrays at this point of the step.

        Assigning what was read here earlier returns to that point.
        """
        self._own.clear()
        return dict(self._bases)

    @bases.setter
    def bases(self, bases: Mapping[Hashable, BoundRows]) -> None:
        self._bases = dict(bases)
        self._own: set[Hashable] = set()  # keys of arrays that nobody else knows

    def _writable(self, key: Hashable) -> BoundRows:
        """Return a base array to write to; a copy, if `bases` has returned this one."""
        if key not in self._own:
            self._bases[key] = self._bases[key].copy()
            self._own.add(key)
        return self._bases[key]

    def __getitem__(self, signal: Signal) -> TensorSignal:
        return self.sig_map[signal]

    def __iter__(self) -> Iterator[Signal]:
        return iter(self.sig_map)

    def __len__(self) -> int:
        return len(self.sig_map)

    def for_items(self, n_items: int) -> SignalDict:
        """Make an environment of the same signals for another number of items.

        Parameters
        ----------
        n_items : int
            Number of items.

        Returns
        -------
        signals : SignalDict
            Has the parameters that are bound here; all else is zero.
        """
        other = type(self)(self.dtype, n_items)
        other.dt = self.dt
        other.sig_map = {key: sig.for_items(n_items) for key, sig in self.items()}
        minibatched = {sig.key for sig in self.values() if sig.minibatched}
        for key, bound in self._bases.items():
            if key in minibatched:
                shape = (n_items, bound.n_rows, *bound.row_shape(1))
                value = tf.zeros(shape, bound.dtype)
                other.extend(key, value, bound.n_rows)
            else:
                other._bases[key] = bound
        return other

    def extend(self, key: Hashable, value: tf.Tensor, n_rows: int) -> None:
        """Add rows to the end of a base array, and bind a value to them.

        Parameters
        ----------
        key : hashable
            Names the base array.
        value : tf.Tensor
            Their value, ``(n_rows, ...)`` or ``(minibatch_size, n_rows, ...)``.
        n_rows : int
            Number of rows.
        """
        self._bases.setdefault(key, BoundRows(self._readings[key]))
        self._writable(key).extend(value, n_rows)

    def scatter(self, dst: TensorSignal, val: tf.Tensor, mode: str = "update") -> None:
        """Bind a value to the rows of a signal.

        Parameters
        ----------
        dst : TensorSignal
            The rows to be written.
        val : tf.Tensor
            New value, of as many elements as ``dst.full_shape`` has; or as
            ``dst.shape`` has, which is then the value of every item of the minibatch.
        mode : "update" or "inc"
            Replace the value of the rows, or add to it.

        Raises
        ------
        ValueError
            If the mode is unknown or the value does not have the signal's type.
        """
        if mode not in ("update", "inc"):
            raise ValueError(f'mode must be "update" or "inc", not {mode!r}')
        if val.dtype.name != dst.dtype:
            raise ValueError(f"{dst.label} has type {dst.dtype}, not {val.dtype.name}")
        axis = int(dst.minibatched)
        row_shape = self._bases[dst.key].row_shape(axis)
        full = (*dst.full_shape[:axis], dst.n_rows, *row_shape)
        one_item = val.shape.num_elements() * self.minibatch_size == np.prod(full)
        if one_item and self.minibatch_size > 1:
            full = (1, *full[axis:])
        val = _reshaped(val, full)

        if len(dst.slices) > tuning.MAX_PIECES:
            self._scatter_rows(dst, val, mode)
            return
        bound = self._writable(dst.key)
        sizes = [stop - start for start, stop in dst.slices]
        for (start, stop), piece in zip(
            dst.slices, divided(val, sizes, axis), strict=True
        ):
            if mode == "inc":
                piece = bound.read(start, stop, axis) + piece
            bound.bind(start, stop, piece, axis)

    def gather(self, src: TensorSignal) -> tf.Tensor:
        """Read the value that is bound to the rows of a signal.

        Parameters
        ----------
        src : TensorSignal
            The rows to be read.

        Returns
        -------
        gathered : tf.Tensor
            The value, of shape ``src.full_shape``.

        Raises
        ------
        KeyError
            If nothing is bound to the base array.
        """
        axis = int(src.minibatched)
        if not src.slices:
            return tf.zeros(src.full_shape, src.dtype)
        bound = self._bases[src.key]
        if len(src.slices) > tuning.MAX_PIECES:
            start, stop = _span(src)
            whole = bound.read(start, stop, axis)
            if whole.shape.rank == axis + 1:
                value = self.taken(whole, src.rows - start)
            else:
                value = tf.gather(whole, src.tf_indices - start, axis=axis)
        else:
            pieces = [bound.read(*bounds, axis) for bounds in src.slices]
            value = concatenated(pieces, axis)
        if axis:
            value = repeated(value, self.minibatch_size)
        return _reshaped(value, src.full_shape)

    def reader(self, src: TensorSignal) -> Callable[[SignalDict], tf.Tensor]:
        """Make a function that reads a parameter in a step.

        Parameters are read once, before the loop; those that a learning rule changes
        are read in every step. Read within the loop, each slice and reshape of a
        parameter would be an intermediate value, which training keeps for every step.

        Parameters
        ----------
        src : TensorSignal
            Rows that hold parameters. Those that are learned online have a minibatch
            axis, and those of items with parameters of their own.

        Returns
        -------
        read : callable
            Gives the value from the environment of a step, as `gather` does.
        """
        if src.minibatched:
            return lambda signals: signals.gather(src)
        value = self.gather(src)
        return lambda signals: value

    def combine(
        self, sigs: Sequence[TensorSignal | Signal], label: str = "Combine"
    ) -> TensorSignal:
        """Concatenate signals along their first axis.

        Parameters
        ----------
        sigs : list of TensorSignal or Signal
            Signals of one base array, with the same shape but for the first axis.
        label : str
            Name of the result.

        Returns
        -------
        sig : TensorSignal
            All rows of the signals, in the given order.

        Raises
        ------
        ValueError
            If there are no signals, or they lie in different base arrays.
        """
        views = [self[sig] if isinstance(sig, Signal) else sig for sig in sigs]
        if not views:
            raise ValueError(f"{label}: there are no signals to combine")
        first = views[0]
        if any(v.key != first.key or v.shape[1:] != first.shape[1:] for v in views):
            raise ValueError(
                f"{label}: only signals of one base array and item shape can be "
                f"combined, got {[(v.key, v.shape) for v in views]}"
            )
        combined = self.view_type(
            [bounds for view in views for bounds in view.slices],
            first.key,
            first.dtype,
            (sum(v.shape[0] if v.shape else 1 for v in views), *first.shape[1:]),
            first.minibatch_size,
            label,
        )
        self.expect(combined)
        return combined

    def expect(self, src: TensorSignal) -> None:
        """Tell that a signal will be read, so that it is cut out with others.

        Parameters
        ----------
        src : TensorSignal
            The rows to be read.
        """
        if len(src.slices) <= tuning.MAX_PIECES:
            for rows in src.slices:
                self._readings[src.key].add(*rows)

    def get_tensor_signal(
        self,
        slices: Iterable[tuple[int, int]],
        key: Hashable,
        dtype: str,
        shape: tuple[int, ...],
        minibatched: bool,
        signal: Signal | None = None,
        label: str = "TensorSignal",
    ) -> TensorSignal:
        """Make a `TensorSignal`, and remember which Nengo signal it stands for.

        Parameters
        ----------
        slices : tuple of (int, int)
            Start and stop rows in the base array.
        key : hashable
            Names the base array.
        dtype : str
            Type of the values.
        shape : tuple of int
            Shape of the signal, without minibatch axis.
        minibatched : bool
            Whether the signal has a minibatch axis.
        signal : nengo.builder.Signal, optional
            The Nengo signal that it stands for.
        label : str
            Name shown in messages.

        Returns
        -------
        sig : TensorSignal
            The new signal.
        """
        batch = self.minibatch_size if minibatched else None
        result = self.view_type(slices, key, dtype, shape, batch, label)
        if signal is not None:
            self.sig_map[signal] = result
        return result

    def op_constant(
        self,
        ops: Sequence[Any],
        op_sizes: Sequence[int],
        attr: str,
        dtype: str,
        shape: tuple[int, ...] | None = (1, -1),
    ) -> tf.Tensor:
        """Collect a constant parameter of a group of operators.

        Parameters
        ----------
        ops : list of object
            The objects that have the parameter as attribute ``attr``.
        op_sizes : list of int
            How many elements each of them stands for.
        attr : str
            Name of the attribute.
        dtype : str
            Type of the result.
        shape : tuple of int, optional
            Shape of the result, if it is no scalar; the default adds an axis that
            broadcasts along the minibatch.

        Returns
        -------
        constant : tf.Tensor
            A scalar if the parameter is the same everywhere, else its value for
            each element.
        """
        values = [getattr(op, attr) for op in ops]
        if all(value == values[0] for value in values):
            return tf.constant(values[0], dtype=dtype)
        repeated = np.repeat(np.asarray(values), op_sizes)
        return tf.constant(repeated.reshape(shape or -1), dtype)

    def _scatter_rows(self, dst: TensorSignal, val: tf.Tensor, mode: str) -> None:
        """Write many scattered rows at once."""
        axis = int(dst.minibatched)
        bound = self._writable(dst.key)
        start, stop = _span(dst)
        before = bound.read(start, stop, axis)
        if axis:
            before, val = (repeated(x, self.minibatch_size) for x in (before, val))
        write = (
            tf.tensor_scatter_nd_add if mode == "inc" else tf.tensor_scatter_nd_update
        )
        positions = dst.tf_indices_nd - [*[0] * axis, start]
        bound.bind(start, stop, write(before, positions, val), axis)


def _span(sig: TensorSignal) -> tuple[int, int]:
    """Return the first row of a contiguous signal, and the one after the last."""
    starts, stops = zip(*sig.slices, strict=True)
    return min(starts), max(stops)


def _reshaped(value: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    if tuple(value.shape) == shape:
        return value
    return tf.reshape(value, constant(shape))
