"""The memory that a plan runs in.

All blocks of one type lie in one flat array, an arena, so that whatever an operation
reads or writes is a slice of an arena, or is found by one array of indices. Blocks with
a minibatch axis have arenas of their own, with a leading axis for the items.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from nengo.builder.operator import Operator
from nengo.builder.signal import Signal
from nengo.exceptions import BuildError
from numpy.typing import DTypeLike, NDArray

from ..extents import elements
from ..layout import Block, Layout
from ..sparsity import sparse_entries

Array = NDArray[Any]
Generators = Mapping[Operator, dict[str, np.random.RandomState]]
Step = Callable[[], object]

# From so many elements in a row on, pieces of memory are copied one by one; a shorter
# piece costs more than to look up the place of each of its elements.
_PIECE = 256

# Blocks begin where a cache line does, as products of matrices like it.
_ALIGNMENT = 64


class Slot:
    """What the operators of a group access in one of their places, as one array.

    Parameters
    ----------
    arena : array of shape ``(..., arena_size)``
        The array in which the signals lie.
    index : slice or array of int
        The elements of all operators' signals, one signal after the other.

    Attributes
    ----------
    is_view : bool
        Whether the elements are evenly spaced, so that ``array`` is a view of memory.
    array : array of shape ``(..., size)``
        A view of memory, or else a buffer.
    """

    def __init__(self, arena: Array, index: slice | NDArray[np.intp]) -> None:
        self._arena = arena
        self._index = index
        self.is_view = isinstance(index, slice)
        self.array = arena[..., index]
        self._pieces = [] if isinstance(index, slice) else _pieces(index)

    @property
    def load(self) -> list[Step]:
        """Steps that fill the buffer from memory; none for a view."""
        return [] if self.is_view else self.gather(self.array)

    @property
    def store(self) -> list[Step]:
        """Steps that write the buffer to memory; none for a view."""
        return [] if self.is_view else self.scatter(self.array)

    def gather(self, target: Array) -> list[Step]:
        """Return steps that copy the values to an array of their type."""
        if self.is_view:
            return [partial(np.copyto, target, self.array)]
        if self._pieces:
            return [
                partial(np.copyto, target[..., place], self._arena[..., piece])
                for place, piece in self._pieces
            ]
        return [partial(self._arena.take, self._index, -1, target, "clip")]

    def scatter(self, source: Array) -> list[Step]:
        """Return steps that copy an array, or a number, to memory."""
        if self.is_view:
            return [partial(np.copyto, self.array, source)]
        if self._pieces:
            values = np.broadcast_to(source, self.array.shape)
            return [
                partial(np.copyto, self._arena[..., piece], values[..., place])
                for place, piece in self._pieces
            ]
        where = self._index if self._arena.ndim == 1 else (slice(None), self._index)
        return [partial(self._arena.__setitem__, where, source)]

    def accumulate(self, source: Array) -> list[Step]:
        """Return steps that add an array, or a number, to memory."""
        add = partial(np.add, self.array, source, self.array)
        return [*self.load, add, *self.store]

    def shaped(self, *shape: int) -> Array:
        """Return the array with its last axis divided, ``(..., *shape)``."""
        return self.array.reshape(*self.array.shape[:-1], *shape)


class Memory:
    """Arrays for the blocks of a layout, and live views of all signals in them.

    Parameters
    ----------
    layout : Layout
        The blocks.
    n_items : int, optional
        The number of items in a minibatch. By default there is one, and blocks have no
        axis for it.
    float_type : data type, optional
        The type of all floating point blocks, by default the signals' own.
    generators : sequence of dict
        For each item the random generators of operators, by the names under which
        the operators know them.

    Attributes
    ----------
    blocks : tuple of array
        For each block of the layout an array of shape ``(n_items, *block.shape)`` if
        the block has a minibatch axis (and ``n_items`` is given), ``block.shape``
        otherwise. Whoever writes to them changes what is simulated.
    """

    def __init__(
        self,
        layout: Layout,
        n_items: int | None = None,
        float_type: DTypeLike | None = None,
        generators: Sequence[Generators] = ({},),
    ) -> None:
        if n_items is not None and n_items < 1:
            raise BuildError(f"n_items must be at least 1, not {n_items}")
        self.layout = layout
        self.n_items = n_items
        self.generators = generators
        self._float_type = None if float_type is None else np.dtype(float_type)
        self._keys = [self._key(block) for block in layout.blocks]
        self._starts: list[int] = []
        sizes: dict[tuple[np.dtype[Any], bool], int] = {}
        for block, key in zip(layout.blocks, self._keys, strict=True):
            unit = max(_ALIGNMENT // key[0].itemsize, 1)
            start = -(-sizes.get(key, 0) // unit) * unit
            self._starts.append(start)
            sizes[key] = start + prod(block.shape)
        self._arenas = {
            (dtype, minibatched): _aligned(
                (n_items, size) if minibatched and n_items else (size,), dtype
            )
            for (dtype, minibatched), size in sizes.items()
        }
        self._set_blocks()
        self.reset()
        self._items: tuple[Memory, ...] | None = None

    def _key(self, block: Block) -> tuple[np.dtype[Any], bool]:
        is_float = np.issubdtype(block.dtype, np.floating)
        dtype = self._float_type if self._float_type and is_float else block.dtype
        return np.dtype(dtype), block.minibatched and self.n_items is not None

    def _set_blocks(self) -> None:
        blocks = []
        for block, start, key in zip(
            self.layout.blocks, self._starts, self._keys, strict=True
        ):
            arena = self._arenas[key]
            values = arena[..., start : start + prod(block.shape)]
            blocks.append(values.reshape(*arena.shape[:-1], *block.shape))
        self.blocks: tuple[Array, ...] = tuple(blocks)
        self._views: dict[Signal, Array] = {}

    def reset(self) -> None:
        """Give all blocks their initial values."""
        for block, array in zip(self.layout.blocks, self.blocks, strict=True):
            array[...] = block.initial_value()

    @property
    def items(self) -> tuple[Memory, ...]:
        """The memory of each item, without minibatch axes; views of this one."""
        if self.n_items is None:
            return (self,)
        if self._items is None:
            self._items = tuple(map(self._item, range(self.n_items)))
        return self._items

    def _item(self, number: int) -> Memory:
        item = Memory.__new__(Memory)
        vars(item).update(vars(self))
        item.n_items = None
        item._arenas = {
            key: arena[number] if key[1] else arena
            for key, arena in self._arenas.items()
        }
        item.generators = self.generators[number : number + 1]
        item._set_blocks()
        return item

    def generators_of(self, op: Operator) -> dict[str, np.random.RandomState]:
        """Return the random generators that an operator has for this (one) item."""
        return self.generators[0].get(op, {})

    def is_minibatched(self, signal: Signal) -> bool:
        """Whether the array of a signal has a minibatch axis."""
        block = self.layout.view(signal.base).block
        return self._keys[block][1] and self.n_items is not None

    def __contains__(self, signal: Signal) -> bool:
        return signal in self.layout

    def __getitem__(self, signal: Signal) -> Any:
        """Return the live value of a signal, or of a view of one.

        Parameters
        ----------
        signal : Signal
            A signal from before or after simplification.

        Returns
        -------
        value : array of shape ``(n_items, *signal.shape)`` or ``signal.shape``
            A view of memory. For a sparse signal it is a SciPy matrix whose ``data``
            are a view of memory (in a single item's memory alone) if its entries are
            stored in the order of its rows.
        """
        if signal not in self._views:
            self._views[signal] = self._make_view(signal)
        return self._views[signal]

    def _make_view(self, signal: Signal) -> Any:
        current = self.layout.graph.current(signal)
        arena, start = self._place(current.base)
        if current.sparse:
            return _as_sparse(current, arena[..., start : start + current.size])
        leading = arena.shape[:-1]
        return np.ndarray(
            (*leading, *current.shape),
            arena.dtype,
            arena,
            (start + current.elemoffset) * arena.itemsize,
            (
                *arena.strides[:-1],
                *(stride * arena.itemsize for stride in current.elemstrides),
            ),
        )

    def _place(self, base: Signal) -> tuple[Array, int]:
        """Return a base signal's arena, and where in it the signal begins."""
        view = self.layout.view(base)
        width = prod(self.layout.blocks[view.block].shape[1:])
        first = view.slices[0][0] if view.slices else 0
        start = self._starts[view.block] + first * width
        return self._arenas[self._keys[view.block]], start

    def dtype(self, signal: Signal) -> np.dtype[Any]:
        """Return the type in which a signal is simulated."""
        return self._keys[self.layout.view(signal.base).block][0]

    def shares_arena(self, signals: Sequence[Signal]) -> bool:
        """Whether signals are of one type, and all or none have a minibatch axis."""
        arenas = {id(self._place(signal.base)[0]) for signal in signals}
        return len(arenas) == 1

    def positions(self, signal: Signal) -> NDArray[np.intp]:
        """Return where in their arena a signal's elements are."""
        return self._place(signal.base)[1] + elements(signal)

    def slot(self, signals: Sequence[Signal]) -> Slot:
        """Return the values of several signals as one array, one after the other.

        Parameters
        ----------
        signals : sequence of Signal
            Signals of the simplified operators, for which `shares_arena` is true.
        """
        arena, _ = self._place(signals[0].base)
        start, stop = self._range(signals[0])
        if start is not None:
            for signal in signals[1:]:
                first, last = self._range(signal)
                if first is None or first != stop:
                    break
                stop = last
            else:
                return Slot(arena, slice(start, stop))
        return self.elements(signals)

    def elements(self, signals: Sequence[Signal], chosen: Any = slice(None)) -> Slot:
        """Return chosen elements of several signals as one array.

        Parameters
        ----------
        signals : sequence of Signal
            Signals for which `shares_arena` is true.
        chosen : index
            Which elements are meant, of all signals' elements in a row.
        """
        arena, _ = self._place(signals[0].base)
        where = np.concatenate([self.positions(signal) for signal in signals])
        return Slot(arena, as_slice(where[chosen]))

    def start(self, signal: Signal) -> int:
        """Return where in its arena the base of a signal begins, plus its offset."""
        return self._place(signal.base)[1] + (0 if signal.sparse else signal.elemoffset)

    def is_contiguous(self, signals: Sequence[Signal]) -> bool:
        """Whether signals lie in memory one after the other."""
        ranges = [self._range(signal) for signal in signals]
        return all(start is not None for start, _ in ranges) and all(
            before[1] == after[0] for before, after in pairwise(ranges)
        )

    def _range(self, signal: Signal) -> tuple[int | None, int]:
        """Return start and stop in the arena, if the signal is one piece of it."""
        if not signal.sparse and not signal.initial_value.flags.c_contiguous:
            return None, 0
        _, start = self._place(signal.base)
        if not signal.sparse:
            start += signal.elemoffset
        return start, start + signal.size


def _aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Make an array of zeros that begins where a cache line does."""
    n_bytes = prod(shape) * dtype.itemsize
    raw = np.zeros(n_bytes + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + n_bytes].view(dtype).reshape(shape)


def as_slice(index: NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """Return indices as a slice, if they are evenly spaced and ascending."""
    if len(index) == 0:
        return slice(0, 0)
    if len(index) == 1:
        return slice(int(index[0]), int(index[0]) + 1)
    step = int(index[1]) - int(index[0])
    if step > 0 and (np.diff(index) == step).all():
        return slice(int(index[0]), int(index[-1]) + 1, step)
    return index


def _pieces(index: NDArray[np.intp]) -> list[tuple[slice, slice]]:
    """Return where pieces of memory go, and where they are; none if they are short."""
    cuts = [0, *(np.flatnonzero(np.diff(index) != 1) + 1).tolist(), len(index)]
    if len(index) < _PIECE * (len(cuts) - 1):
        return []
    return [
        (slice(start, stop), slice(int(index[start]), int(index[start]) + stop - start))
        for start, stop in pairwise(cuts)
    ]


def _as_sparse(signal: Signal, data: Array) -> Any:
    from scipy.sparse import csr_matrix

    (rows, columns) = sparse_entries(signal)[0].T
    by_row = np.argsort(rows, kind="stable")
    if (by_row == np.arange(len(by_row))).all():
        starts = np.searchsorted(rows, np.arange(signal.shape[0] + 1))
        return csr_matrix((data, columns, starts), shape=signal.shape)
    return csr_matrix((data, (rows, columns)), shape=signal.shape)
