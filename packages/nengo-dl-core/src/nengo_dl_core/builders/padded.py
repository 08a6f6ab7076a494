"""Products of matrices of different shapes, filled up with zeros to one shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from itertools import accumulate
from math import prod
from operator import add
from typing import Any

import numpy as np
import tensorflow as tf
from nengo.builder.operator import Operator

from nengo_dl_core import tuning
from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.bound_rows import concatenated
from nengo_dl_core.builders.numerics import rounded_product, stored
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.builders.stacked import (
    multiplication,
    of_items,
    transposed_before_steps,
)
from nengo_dl_core.builders.taken import Index
from nengo_dl_core.builders.tensor_signal import TensorSignal


def padded_product(
    ops: Sequence[Operator], signals: SignalDict, config: BuildConfig
) -> Callable[[SignalDict], tf.Tensor]:
    """Make what multiplies matrices of different shapes with vectors.

    Parameters
    ----------
    ops : list of nengo.builder.operator.DotInc
        Products of matrices, which no learning rule changes, with vectors.
    signals : SignalDict
        Environment, in which all parameters are bound.
    config : BuildConfig
        Settings of the simulation.

    Returns
    -------
    product : callable
        Computes the results in the environment of a step, one after the other.
    """
    narrow = max(op.A.shape[1] for op in ops) <= tuning.MAX_NARROW_COLUMNS
    return (_ByColumns if narrow else _ByMatrices)(ops, signals, config)


class _PaddedProduct:
    """Products with vectors, each of which is read once, whatever multiplies it.

    Parameters
    ----------
    ops : list of nengo.builder.operator.DotInc
        The products.
    signals : SignalDict
        Environment, in which all parameters are bound.
    config : BuildConfig
        Settings of the simulation.
    """

    def __init__(
        self, ops: Sequence[Operator], signals: SignalDict, config: BuildConfig
    ) -> None:
        self._contracts = config.contracts
        self._taken = signals.taken
        self._shapes = [op.A.shape for op in ops]
        vectors = {signals[op.X].slices: signals[op.X] for op in ops}
        starts = dict(zip(vectors, _starts(vectors.values()), strict=True))
        self._firsts = np.array([starts[signals[op.X].slices] for op in ops])
        self._x = signals.combine(list(vectors.values()))
        weights, places = _end_to_end([signals[op.A] for op in ops], signals)
        self._weights = self._taken(weights, self._arranged(places))

    def __call__(self, signals: SignalDict) -> tf.Tensor:
        """Multiply; the results are one row, in the order of the operators."""
        x = signals.gather(self._x)
        if self._x.minibatched:
            return signals.multiply(self._multiply, x, self._weights)
        return self._multiply(x, self._weights)

    def _arranged(self, places: Sequence[int]) -> Index:
        """Indices of the weights as `_multiply` wants them, by where matrices begin."""
        raise NotImplementedError

    def _multiply(self, x: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Multiply vectors, ``(..., size)``, by weights."""
        raise NotImplementedError


class _ByColumns(_PaddedProduct):
    """The products of matrices of few columns: a sum over these, for all rows at once.

    Only columns have to be filled up.
    """

    def _arranged(self, places: Sequence[int]) -> Index:
        n_columns = max(n for _, n in self._shapes)
        weights, factors = [], []
        for (m, n), place, first in zip(
            self._shapes, places, self._firsts, strict=True
        ):
            rows = np.arange(m * n).reshape((m, n))
            weights.append(_filled(rows.T + place, (n_columns, m)))
            column = np.arange(n)[:, None] + np.full(m, first)
            factors.append(_filled(column, (n_columns, m)))
        self._columns = np.concatenate(factors, 1)
        return np.concatenate(weights, 1)

    def _multiply(self, x: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        factors = [self._taken(x, column) for column in self._columns]
        if len(factors) == 1:
            if not self._contracts:
                return weights[0] * factors[0]
            # rounded before it is added to anything
            return stored(rounded_product(weights[0], factors[0]))
        terms = zip(tf.unstack(weights), factors, strict=True)
        return reduce(add, [weight * factor for weight, factor in terms])


class _ByMatrices(_PaddedProduct):
    """The products of matrices that are filled up to one shape."""

    def __init__(
        self, ops: Sequence[Operator], signals: SignalDict, config: BuildConfig
    ) -> None:
        super().__init__(ops, signals, config)
        self._product = multiplication(config)
        self._transposed = transposed_before_steps(
            self._weights, self._x.minibatch_size, config
        )

    def _arranged(self, places: Sequence[int]) -> Index:
        n_rows, n_columns = map(max, zip(*self._shapes, strict=True))
        self._columns = np.stack(
            [
                _filled(first + np.arange(n), (n_columns,))
                for first, (_, n) in zip(self._firsts, self._shapes, strict=True)
            ]
        )
        self._results = np.concatenate(
            [i * n_rows + np.arange(m) for i, (m, _) in enumerate(self._shapes)]
        )
        return np.stack(
            [
                _filled(place + np.arange(m * n).reshape((m, n)), (n_rows, n_columns))
                for place, (m, n) in zip(places, self._shapes, strict=True)
            ]
        )

    def _multiply(self, x: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        vectors = self._taken(x, self._columns)
        results = tf.squeeze(
            of_items(
                self._product,
                weights,
                self._transposed,
                tf.expand_dims(vectors, -1),
                self._x.minibatch_size,
            ),
            -1,
        )
        n_results = prod(weights.shape[:2])
        return self._taken(
            tf.reshape(results, (*results.shape[:-2], n_results)), self._results
        )


def _end_to_end(
    parts: Sequence[TensorSignal], signals: SignalDict
) -> tuple[tf.Tensor, list[int]]:
    """Read signals of several base arrays, and tell where each of them begins."""
    kinds: dict[Any, list[TensorSignal]] = {}
    for part in parts:
        kinds.setdefault((part.key, part.shape[1:]), []).append(part)
    read = [signals.gather(signals.combine(kind)) for kind in kinds.values()]
    in_order = [part for kind in kinds.values() for part in kind]
    starts = dict(zip(map(id, in_order), _starts(in_order), strict=True))
    flat = concatenated([tf.reshape(value, (-1,)) for value in read], 0)
    return flat, [starts[id(part)] for part in parts]


def _starts(parts: Iterable[TensorSignal]) -> list[int]:
    """Where signals begin that lie one after the other."""
    sizes = [prod(part.shape) for part in parts]
    return list(accumulate(sizes, initial=0))[:-1]


def _filled(index: Index, shape: tuple[int, ...]) -> Index:
    """Fill indices up to a shape; -1 stands for a zero."""
    margin = [(0, size - n) for size, n in zip(shape, index.shape, strict=True)]
    return np.pad(index, margin, constant_values=-1)
