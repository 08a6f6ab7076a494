"""How signals lie in memory.

Base signals that are of one kind are concatenated, row by row, to blocks. A view of a
base signal is then some rows of a block, reshaped. Nothing here allocates memory or
knows an array library: a backend makes its arrays, of whatever kind, from the blocks.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
from nengo.builder.operator import Operator
from nengo.builder.signal import Signal
from nengo.exceptions import SignalError
from numpy.typing import ArrayLike, NDArray

from .extents import elements, is_whole
from .graph import OperatorGraph
from .protocols import Plan
from .sparsity import sparse_entries


@dataclass(frozen=True)
class Block:
    """Base signals of one kind, concatenated along their rows.

    Parameters
    ----------
    index : int
        Position of the block in `Layout.blocks`.
    shape : tuple of int
        ``(rows, *trailing)``, without a minibatch axis. A scalar is one row; the rows
        of a sparse signal are its entries (see `sparse_entries`).
    dtype : numpy.dtype
        The signals' own type.
    trainable, minibatched, external : bool
        The signals' facts, see `SignalFacts`.
    persistent : bool
        Whether the signals' values must survive from one step to the next.
    written : bool
        Whether operators write them; if not, they are constants or come from outside.
    signals : tuple of Signal
        The base signals, in order.
    """

    index: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    trainable: bool | None
    minibatched: bool
    persistent: bool
    external: bool
    written: bool
    signals: tuple[Signal, ...] = field(repr=False)

    def initial_value(self) -> NDArray[Any]:
        """Return the signals' initial values.

        Returns
        -------
        value : array of shape ``shape``
        """
        trailing = self.shape[1:]
        return np.concatenate(
            [
                sparse_entries(signal)[1]
                if signal.sparse
                else signal.initial_value.reshape(-1, *trailing)
                if trailing
                else signal.initial_value.ravel()
                for signal in self.signals
            ]
        )


@dataclass(frozen=True)
class View:
    """Where the value of a signal is.

    Parameters
    ----------
    block : int
        Index of the block.
    slices : tuple of (int, int)
        Start and stop rows in the block; concatenated in this order they are the
        signal's elements in row major order.
    shape : tuple of int
        The signal's own shape, to which these rows are to be reshaped. A sparse signal
        has the shape ``(nnz,)``.
    """

    block: int
    slices: tuple[tuple[int, int], ...]
    shape: tuple[int, ...]

    def read(self, array: NDArray[Any], axis: int = 0) -> NDArray[Any]:
        """Return the signal's value out of an array of its block.

        Parameters
        ----------
        array : array of shape ``(..., *block.shape)``
            What the block holds, after any leading axes (such as one for the items of
            a minibatch).
        axis : int
            The number of leading axes, so that ``axis`` is the axis of the rows.

        Returns
        -------
        value : array of shape ``(..., *shape)``
            A NumPy view of ``array`` (writing to it writes to ``array``) if the rows
            are one slice, and a copy otherwise.

        Examples
        --------
        >>> import numpy as np
        >>> from nengo_dl_optimizer import View
        >>> View(0, ((2, 4),), (2,)).read(np.arange(5.0))
        array([2., 3.])
        >>> View(0, ((2, 4),), (2,)).read(np.zeros((10, 5)), axis=1).shape
        (10, 2)
        """
        rows = array[(slice(None),) * axis + (self._rows(),)]
        return rows.reshape(*array.shape[:axis], *self.shape)

    def write(self, array: NDArray[Any], value: ArrayLike, axis: int = 0) -> None:
        """Replace the signal's value in an array of its block.

        Parameters
        ----------
        array : array of shape ``(..., *block.shape)``
            What the block holds. It is changed.
        value : array_like
            The new value, of a shape that broadcasts to ``(..., *shape)``.
        axis : int
            The number of leading axes of ``array``, so that ``axis`` is the axis of
            the rows.

        Raises
        ------
        ValueError
            If the value does not broadcast to the signal's shape.
        """
        shape = (*array.shape[:axis], *self.shape)
        rows = sum(stop - start for start, stop in self.slices)
        target = (*array.shape[:axis], rows, *array.shape[axis + 1 :])
        array[(slice(None),) * axis + (self._rows(),)] = np.broadcast_to(
            np.asarray(value), shape
        ).reshape(target)

    def _rows(self) -> slice | NDArray[np.intp]:
        """Return what the rows are: a slice, or else their numbers."""
        if not self.slices:
            return slice(0, 0)
        if len(self.slices) == 1:
            return slice(*self.slices[0])
        return np.concatenate([np.arange(*piece) for piece in self.slices])


class Layout:
    """Blocks of memory for all signals of a plan.

    Base signals share a block if they agree in type, trailing shape, facts, in whether
    they are written and whether they are persistent. Persistent signals moreover share
    one only if the same groups write all of them, in the same places, so that state
    is replaced block by block. A signal of which an operator uses a view that is no
    set of whole rows (a column, for example) is laid out flat.

    Parameters
    ----------
    graph : OperatorGraph
        The operators, and what is known about their signals.
    plan : list of tuple of Operator
        The operators in groups, in order.
    signals : sequence of Signal
        All base signals, in the order in which they are to lie within their blocks.

    Attributes
    ----------
    blocks : tuple of Block
        All blocks.

    Raises
    ------
    nengo.exceptions.SignalError
        If a signal of an operator is not among the signals.
    """

    def __init__(
        self, graph: OperatorGraph, plan: Plan, signals: Sequence[Signal]
    ) -> None:
        order = list(dict.fromkeys(signal.base for signal in signals))
        missing = set(graph.signals).difference(order)
        if missing:
            raise SignalError(
                f"{len(missing)} signals are missing from the order of signals, among "
                f"them {next(s for s in graph.signals if s in missing)!r}; a sorter "
                "must return every base signal"
            )
        self.graph = graph
        self._places: dict[Signal, tuple[int, int]] = {}
        self._views: dict[Signal, View] = {}
        trailing = _trailing_shapes(plan, order)
        writers = _writers(graph, plan)
        members: dict[Hashable, list[Signal]] = {}
        for signal in order:
            fact = graph.fact(signal)
            key = (
                signal.dtype,
                trailing[signal],
                replace(fact, kept=False),
                graph.is_written(signal),
                writers.get(signal),
            )
            members.setdefault(key, []).append(signal)
        self.blocks: tuple[Block, ...] = tuple(
            self._place(index, tuple(block), trailing[block[0]])
            for index, block in enumerate(members.values())
        )

    def _place(
        self, index: int, signals: tuple[Signal, ...], trailing: tuple[int, ...]
    ) -> Block:
        row = 0
        for signal in signals:
            self._places[signal] = (index, row)
            row += _rows(signal, trailing)
        fact = self.graph.fact(signals[0])
        return Block(
            index=index,
            shape=(row, *trailing),
            dtype=signals[0].dtype,
            trainable=fact.trainable,
            minibatched=fact.minibatched,
            persistent=signals[0] in self.graph.persistent,
            external=fact.external,
            written=self.graph.is_written(signals[0]),
            signals=signals,
        )

    def __contains__(self, signal: Signal) -> bool:
        return self.graph.current(signal).base in self._places

    def view(self, signal: Signal) -> View:
        """Return where the value of a signal is.

        Parameters
        ----------
        signal : Signal
            Base signal or view, from before or after simplification.

        Raises
        ------
        nengo.exceptions.SignalError
            If no operator uses the signal's base, or if the view cuts through rows of
            its block (which views that operators use never do).
        """
        if signal not in self._views:
            self._views[signal] = self._locate(signal)
        return self._views[signal]

    def _locate(self, signal: Signal) -> View:
        current = self.graph.current(signal)
        if current.base not in self._places:
            raise SignalError(f"{signal!r} is not used by any operator")
        index, first = self._places[current.base]
        if current.sparse:
            return View(index, ((first, first + current.size),), (current.size,))
        width = prod(self.blocks[index].shape[1:])
        rows = _whole_rows(current, width)
        if rows is None:
            raise SignalError(
                f"{signal!r} is not made of whole rows of shape "
                f"{self.blocks[index].shape[1:]}, by which {current.base!r} is laid out"
            )
        slices = tuple((first + start, first + stop) for start, stop in rows)
        return View(index, slices, current.shape)


def _rows(signal: Signal, trailing: tuple[int, ...]) -> int:
    width = prod(trailing)
    return signal.size // width if width else signal.shape[0]


def _whole_rows(signal: Signal, width: int) -> list[tuple[int, int]] | None:
    """Return a view's rows of its base as slices; None if they are not whole.

    The elements of the view are collected to runs that follow on each other. They are
    whole rows if each run begins and ends with a row.
    """
    if width == 0 or signal.size == 0:
        return [(0, signal.shape[0] if width == 0 and not signal.is_view else 0)]
    if signal.initial_value.flags.c_contiguous:
        starts, stops = [signal.elemoffset], [signal.elemoffset + signal.size]
    else:
        positions = elements(signal)
        breaks = np.flatnonzero(np.diff(positions) != 1) + 1
        starts = positions[np.r_[0, breaks]].tolist()
        stops = (positions[np.r_[breaks - 1, -1]] + 1).tolist()
    runs = list(zip(starts, stops, strict=True))
    if any(start % width or stop % width for start, stop in runs):
        return None
    return [(start // width, stop // width) for start, stop in runs]


def _trailing_shapes(
    plan: Plan, signals: Iterable[Signal]
) -> Mapping[Signal, tuple[int, ...]]:
    """Return the shape of the rows by which each base signal is laid out."""
    trailing = {
        signal: () if signal.sparse else tuple(signal.shape[1:]) for signal in signals
    }
    views = dict.fromkeys(
        signal
        for group in plan
        for op in group
        for signal in op.all_signals
        if signal.is_view
    )
    for view in views:
        width = prod(trailing[view.base])
        if _whole_rows(view, width) is None:
            trailing[view.base] = ()
    return trailing


def _writers(graph: OperatorGraph, plan: Plan) -> Mapping[Signal, Hashable]:
    """Return what persistent signals of one block must have in common.

    That is the groups that write them, and where in these groups; a signal that is
    written by parts has nothing in common with any other.
    """
    places: dict[Signal, list[Hashable]] = {}
    for number, group in enumerate(plan):
        for op in group:
            for signal, place in _written_places(op, number):
                if signal.base in graph.persistent:
                    found = places.setdefault(signal.base, [])
                    found.append(place if is_whole(signal) else signal.base)
    return {signal: tuple(found) for signal, found in places.items()}


def _written_places(op: Operator, group: int) -> Iterable[tuple[Signal, Hashable]]:
    for access in ("sets", "incs", "updates"):
        for slot, signal in enumerate(getattr(op, access)):
            yield signal, (group, access, slot)
