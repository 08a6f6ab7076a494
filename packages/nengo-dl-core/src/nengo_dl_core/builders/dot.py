"""Build of `nengo.builder.operator.DotInc` and `DotSet`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

import tensorflow as tf
from nengo.builder.operator import DotInc, Operator

from nengo_dl_core import tuning
from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.bfloat16 import bfloat16_matmul
from nengo_dl_core.builders.bound_rows import concatenated
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.numerics import constant
from nengo_dl_core.builders.padded import padded_product
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.builders.stacked import (
    multiplication,
    of_items,
    right_product,
    transposed_before_steps,
)
from nengo_dl_optimizer import DotSet


@Builder.register(DotInc)
@Builder.register(DotSet)
class DotIncBuilder(OpBuilder):
    """Compute ``Y += A @ X``, or ``Y = A @ X``: one batched product for the group.

    Parameters
    ----------
    ops : tuple of nengo.builder.operator.DotInc
        Operators whose matrices have the same shape, or are padded to one.
    """

    def steps_are_items(self, config: BuildConfig) -> bool:
        """Steps are items; see `OpBuilder.steps_are_items`."""
        return True

    def is_linear(self, config: BuildConfig) -> bool:
        """Products are, but for what bfloat16 rounds; see `OpBuilder.is_linear`."""
        return config.product_dtype is None

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Stack the matrices; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.dst = signals.combine([op.Y for op in self.ops])
        self.products: list[Callable[[SignalDict], tf.Tensor]]
        if len({op.A.shape for op in self.ops}) > 1:
            self.products = [padded_product(self.ops, signals, config)]
            return
        parts = [[[op] for op in self.ops]]
        if config.cpu_only:
            parts = _by_vectors(self.ops, signals) or parts
        self.products = [_Product(runs, signals, config) for runs in parts]

    def build_step(self, signals: SignalDict) -> None:
        """Multiply; see `OpBuilder.build_step`."""
        values = [product(signals) for product in self.products]
        signals.scatter(self.dst, concatenated(values, -1), mode=self.mode)

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Products always merge; see `OpBuilder.mergeable`."""
        return True


def _by_vectors(
    ops: Sequence[Operator], signals: SignalDict
) -> list[list[list[Operator]]] | None:
    """Divide products by their vectors, so that each vector is read only once.

    The result is a list of parts; a part is a list with the products of each vector,
    equally many for all of them. It is None where products of one vector do not lie
    side by side. (`nengo_dl_optimizer.order_signals` puts large ones so.)
    """
    vectors = {op: signals[op.X].slices for op in ops}
    runs = [list(run) for _, run in groupby(ops, vectors.__getitem__)]
    parts = [list(part) for _, part in groupby(runs, key=len)]
    if len(runs) > len(set(vectors.values())) or len(parts) > tuning.MAX_PARTS:
        return None
    return parts


class _Product:
    """The product of stacked matrices, each with a vector of its own.

    Parameters
    ----------
    runs : list of list of nengo.builder.operator.DotInc
        Equally many operators for each vector.
    signals : SignalDict
        Where their signals are.
    config : BuildConfig
        Settings of the simulation.
    """

    def __init__(
        self,
        runs: Sequence[Sequence[Operator]],
        signals: SignalDict,
        config: BuildConfig,
    ) -> None:
        self._multiply = multiplication(config)
        matrix, vector = runs[0][0].A, runs[0][0].X
        is_large = matrix.size >= tuning.MIN_BFLOAT16_WEIGHTS
        self._in_bfloat16 = config.product_dtype == "bfloat16" and is_large
        # A scalar multiplies every element, and a vector is a matrix of one row.
        n_columns = matrix.shape[-1] if matrix.ndim else 1
        n_rows = len(runs[0]) * matrix.size // n_columns
        n_items = vector.size // n_columns
        a = signals.combine([op.A for run in runs for op in run]).reshape(
            (len(runs), n_rows, n_columns)
        )
        self.a = signals.reader(a)
        self.x = signals.combine([run[0].X for run in runs]).reshape(
            (len(runs), n_columns, n_items)
        )
        self._is_fixed = not a.minibatched
        self._transposed = None
        if self._is_fixed:
            self._transposed = transposed_before_steps(
                self.a(signals), self.x.minibatch_size, config
            )

    def __call__(self, signals: SignalDict) -> tf.Tensor:
        """Multiply; the results are one row, in the order of the operators."""
        a, x = self.a(signals), signals.gather(self.x)
        if self._is_fixed and self.x.minibatched:
            value = signals.multiply(self._product, x, a)
        else:
            value = self._multiply(a, self._transposed, x)
        return tf.reshape(value, constant((*value.shape[:-3], -1)))

    def _product(self, x: tf.Tensor, a: tf.Tensor) -> tf.Tensor:
        """Multiply the items of one step, or of many steps at once."""
        if self._in_bfloat16 and x.shape[-1] == 1 < a.shape[-1]:
            return right_product(a, tf.squeeze(x, -1), bfloat16_matmul)[..., None]
        return of_items(self._multiply, a, self._transposed, x, self.x.minibatch_size)
