"""The present values of a simulation's signals, in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from nengo.builder.signal import Signal

from nengo_dl_core.tensor_graph import TensorGraph
from nengo_dl_optimizer import Block

Array = npt.NDArray[Any]


class SignalValues(Mapping[Signal, Array]):
    """Maps signals to their present values.

    Only signals that have a value between two steps are in it: parameters, constants,
    and the state that one step leaves to the next. Probe the others.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.
    minibatched : bool
        Whether values have a leading minibatch axis; if not, it is removed.
    """

    def __init__(self, graph: TensorGraph, minibatched: bool) -> None:
        self._operators = graph.model.operators
        self._layout = graph.optimized.layout
        self._minibatched = minibatched
        self._read: dict[int, Callable[[], Array]] = {
            block.index: variable.numpy for block, variable in graph.parameters
        }
        for blocks, variable in zip(
            graph.memory.states.values(), graph.states, strict=True
        ):
            stops = np.cumsum([0, *(int(np.prod(block.shape)) for block in blocks)])
            for block, (start, stop) in zip(blocks, pairwise(stops), strict=True):
                self._read[block.index] = partial(
                    _unpacked, variable, block, int(start), int(stop)
                )

    def freeze(self) -> None:
        """Keep the values, and let go of TensorFlow's variables."""
        self._read = {
            index: partial(np.asarray, read()) for index, read in self._read.items()
        }

    def __getitem__(self, signal: Signal) -> Array:
        """Read a value.

        Parameters
        ----------
        signal : nengo.builder.Signal
            A signal of the model, or a view of one.

        Returns
        -------
        value : ndarray
            Its value, in the precision of the simulation. If each item of a minibatch
            has its own, these lie along a leading axis. Of a sparse signal, the
            entries.

        Raises
        ------
        KeyError
            If the signal is computed in every step, and not kept.
        """
        if not self._kept(signal):
            raise KeyError(f"{signal} has no value between steps")
        if signal not in self._layout:
            return np.asarray(signal.initial_value)
        view = self._layout.view(signal)
        value = self._read[view.block]()
        batch = (slice(None),) * int(self._layout.blocks[view.block].minibatched)
        pieces = [value[(*batch, slice(*bounds))] for bounds in ((0, 0), *view.slices)]
        rows = np.concatenate(pieces, axis=len(batch))
        value = rows.reshape((*value.shape[: len(batch)], *view.shape))
        return value[0] if batch and not self._minibatched else value

    def _kept(self, signal: Signal) -> bool:
        """Whether a signal has a value between steps."""
        if signal in self._layout:
            return self._layout.view(signal).block in self._read
        return signal.base not in self._written

    @cached_property
    def _written(self) -> set[Signal]:
        """The signals that the model's operators change."""
        return {
            sig.base
            for op in self._operators
            for sig in (*op.sets, *op.incs, *op.updates)
        }

    def __iter__(self) -> Iterator[Signal]:
        signals = (sig.base for op in self._operators for sig in op.all_signals)
        return filter(self._kept, dict.fromkeys(signals))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _unpacked(variable: keras.Variable, block: Block, start: int, stop: int) -> Array:
    """The value of a block of state, some columns of a packed variable."""
    packed = variable.numpy()
    return packed[:, start:stop].reshape((len(packed), *block.shape))
