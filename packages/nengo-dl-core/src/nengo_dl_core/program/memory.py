"""Where the signals of a simulation lie, and which of them are its state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.builder.signal import Signal

from nengo_dl_core.builders.rounding import rounded
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.builders.tensor_signal import TensorSignal, slices_of
from nengo_dl_core.quantization import Format
from nengo_dl_optimizer import Block, OptimizedGraph


class Memory:
    """Says where each signal lies, which blocks are parameters, and which are state.

    All blocks whose rows have one shape and type lie in one base array. Such an array
    exists in name only, since values are bound to its rows block by block; it lets
    operators read from several blocks as if they were one.

    Parameters
    ----------
    optimized : nengo_dl_optimizer.OptimizedGraph
        Operators, and the layout of their signals.
    float_type : str
        Floating point type of the simulation.
    minibatch_size : int
        Number of items in a minibatch.
    dt : float
        Length of a step, in seconds.
    formats : dict of {nengo.builder.Signal: Format}
        The parameters that are rounded, and the numbers that they are rounded to.

    Attributes
    ----------
    parameters : list of Block
        The blocks that are written neither by an operator nor from outside.
    states : dict of {str: list of Block}
        The blocks whose values must survive a step, one for each item of the
        minibatch, by type.
    places : dict of {int: (int, slice)}
        For the index of each state block, which array of packed state it is in, and in
        which columns.
    """

    def __init__(
        self,
        optimized: OptimizedGraph,
        float_type: str,
        minibatch_size: int,
        dt: float,
        formats: Mapping[Signal, Format],
    ) -> None:
        self.optimized = optimized
        self.layout = layout = optimized.layout
        self.float_type = float_type
        self.minibatch_size = minibatch_size
        self.dt = dt
        self.formats = {sig: x for sig, x in formats.items() if sig in layout}
        self._signals: dict[Signal, TensorSignal] = {}
        self.parameters: list[Block] = []
        self.states: dict[str, list[Block]] = {}
        self._first_rows: list[int] = []
        lengths: dict[Any, int] = {}
        for block in layout.blocks:
            key = self._key(block)
            self._first_rows.append(lengths.get(key, 0))
            lengths[key] = self._first_rows[-1] + block.shape[0]
            if block.persistent and block.minibatched:
                self.states.setdefault(self._dtype(block), []).append(block)
            elif not block.written and not block.external:
                self.parameters.append(block)
        self.places: dict[int, tuple[int, slice]] = {}
        for array, blocks in enumerate(self.states.values()):
            stop = 0
            for block in blocks:
                start, stop = stop, stop + int(np.prod(block.shape))
                self.places[block.index] = array, slice(start, stop)
        for block in layout.blocks:
            for sig in block.signals:
                self.tensor_signal(sig)
        for op in optimized.graph:
            for sig in op.all_signals:
                self.tensor_signal(sig)

    def _dtype(self, block: Block) -> str:
        """Return the type in which a block is simulated; parameters become floats."""
        is_float = np.issubdtype(block.dtype, np.floating)
        if is_float or block.trainable is not None:
            return self.float_type
        return np.dtype(block.dtype).name

    def _key(self, block: Block) -> tuple[Any, ...]:
        """Return the name of the base array in which a block lies."""
        return self._dtype(block), block.shape[1:], block.minibatched

    def for_items(self, minibatch_size: int) -> Memory:
        """Describe the same memory for another number of items in a minibatch.

        Parameters
        ----------
        minibatch_size : int
            Number of items.

        Returns
        -------
        memory : Memory
            Has the signals of this one.
        """
        return Memory(
            self.optimized, self.float_type, minibatch_size, self.dt, self.formats
        )

    def environment(self) -> SignalDict:
        """Make the environment of a step, for one trace.

        Returns
        -------
        signals : SignalDict
            Knows all signals; nothing is bound to them yet.
        """
        signals = SignalDict(self.float_type, self.minibatch_size)
        signals.dt = self.dt
        signals.sig_map = self._signals
        return signals

    def tensor_signal(self, sig: Signal) -> TensorSignal:
        """Find the rows of memory in which a signal lies.

        Parameters
        ----------
        sig : nengo.builder.Signal
            A signal of the model, or a view of one.

        Returns
        -------
        tensor_signal : TensorSignal
            Where its value is bound.

        Raises
        ------
        nengo.exceptions.SignalError
            If no operator uses the signal.
        """
        if sig not in self._signals:
            view = self.layout.view(sig)
            block = self.layout.blocks[view.block]
            label = sig.name
            self._signals[sig] = self._rows(block, view.slices, view.shape, label)
        return self._signals[sig]

    def whole(self, block: Block) -> TensorSignal:
        """Describe a whole block as one signal.

        Parameters
        ----------
        block : Block
            A block of the layout.

        Returns
        -------
        tensor_signal : TensorSignal
            All of its rows.
        """
        rows = [(0, block.shape[0])]
        return self._rows(block, rows, block.shape, f"block {block.index}")

    def runs(self, signals: Iterable[Signal]) -> list[TensorSignal]:
        """Describe the rows of many signals by as few signals as there can be.

        Parameters
        ----------
        signals : list of nengo.builder.Signal
            Signals of the model, or views of them.

        Returns
        -------
        runs : list of TensorSignal
            Rows of a block that follow on each other, in the order of memory.
        """
        rows: dict[int, list[npt.NDArray[np.int64]]] = {}
        for sig in signals:
            view = self.layout.view(sig)
            pieces = rows.setdefault(view.block, [np.arange(0)])
            pieces += [np.arange(*bounds) for bounds in view.slices]
        runs = []
        for index, pieces in sorted(rows.items()):
            block = self.layout.blocks[index]
            for start, stop in slices_of(np.unique(np.concatenate(pieces))):
                shape = (stop - start, *block.shape[1:])
                label = f"rows {start} to {stop} of block {index}"
                runs.append(self._rows(block, [(start, stop)], shape, label))
        return runs

    def _rows(
        self,
        block: Block,
        slices: Sequence[tuple[int, int]],
        shape: tuple[int, ...],
        label: str,
    ) -> TensorSignal:
        first = self._first_rows[block.index]
        return TensorSignal(
            [(first + start, first + stop) for start, stop in slices],
            self._key(block),
            self._dtype(block),
            shape,
            self.minibatch_size if block.minibatched else None,
            label,
        )

    def bind(self, environment: SignalDict, values: Mapping[Block, tf.Tensor]) -> None:
        """Bind values to all blocks, in place of what was bound before.

        Parameters of few bits are rounded here, for everybody who reads them.

        Parameters
        ----------
        environment : SignalDict
            Receives the values.
        values : dict of {Block: tf.Tensor}
            Values of blocks; all others get their initial value.
        """
        environment.reset()
        for block in self.layout.blocks:
            value = values.get(block)
            if value is None:
                value = tf.constant(self.initial_value(block, 1))
            environment.extend(self._key(block), value, block.shape[0])
        for sig, number_format in self.formats.items():
            found = self.tensor_signal(sig)
            value = rounded(number_format, environment.gather(found))
            environment.scatter(found, value)

    def initial_value(
        self, block: Block, n_items: int | None = None
    ) -> npt.NDArray[Any]:
        """Value of a block at the start of a simulation.

        Parameters
        ----------
        block : Block
            A block of the layout.
        n_items : int, optional
            Number of items, by default that of a minibatch.

        Returns
        -------
        value : ndarray
            With a leading minibatch axis, if the block has one.
        """
        value = block.initial_value().astype(self._dtype(block))
        if not block.minibatched:
            return value
        batch = self.minibatch_size if n_items is None else n_items
        return np.broadcast_to(value, (batch, *value.shape))

    def initial_states(self, n_items: int | None = None) -> list[npt.NDArray[Any]]:
        """Return the state at the start of a simulation, packed into few arrays.

        All state of one type is one array, since a call of the compiled loop costs more
        for every argument.

        Parameters
        ----------
        n_items : int, optional
            Number of items, by default that of a minibatch.

        Returns
        -------
        states : list of ndarray
            One for each item of `states`, ``(n_items, size)``.
        """
        batch = self.minibatch_size if n_items is None else n_items
        return [
            np.concatenate(
                [
                    self.initial_value(block, batch).reshape((batch, -1))
                    for block in blocks
                ],
                1,
            )
            for blocks in self.states.values()
        ]

    def columns(self, sig: Signal) -> tuple[int, npt.NDArray[np.int64]] | None:
        """Find a signal in packed state.

        Parameters
        ----------
        sig : nengo.builder.Signal
            A signal of the model, or a view of one.

        Returns
        -------
        place : (int, ndarray) or None
            Which array of packed state it is in, and in which columns; None if it does
            not survive a step.
        """
        if sig not in self.layout:
            return None
        view = self.layout.view(sig)
        if view.block not in self.places:
            return None
        array, columns = self.places[view.block]
        width = int(np.prod(self.layout.blocks[view.block].shape[1:]))
        found = [np.arange(*bounds) for bounds in ((0, 0), *view.slices)]
        rows = np.concatenate(found)[:, np.newaxis] * width + np.arange(width)
        return array, columns.start + rows.ravel()

    def unpacked(self, states: Sequence[tf.Tensor]) -> dict[Block, tf.Tensor]:
        """Divide packed state into the values of the blocks.

        Parameters
        ----------
        states : list of tf.Tensor
            Packed state.

        Returns
        -------
        values : dict of {Block: tf.Tensor}
            Values of all state blocks.
        """
        values: dict[Block, tf.Tensor] = {}
        for blocks, state in zip(self.states.values(), states, strict=True):
            sizes = [int(np.prod(block.shape)) for block in blocks]
            pieces = tf.split(state, sizes, axis=1)
            for block, piece in zip(blocks, pieces, strict=True):
                values[block] = tf.reshape(piece, (self.minibatch_size, *block.shape))
        return values

    def packed(self, values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Undo `unpacked`.

        Parameters
        ----------
        values : list of tf.Tensor
            Values of all state blocks, in order.

        Returns
        -------
        states : list of tf.Tensor
            Packed state.
        """
        left = iter(values)
        return [
            tf.concat(
                [tf.reshape(next(left), (self.minibatch_size, -1)) for _ in blocks], 1
            )
            for blocks in self.states.values()
        ]
