"""Build of `nengo.builder.operator.DotInc` and `DotSet`."""

from __future__ import annotations

import tensorflow as tf
from nengo.builder.operator import DotInc, Operator

from nengo_dl_core.builder import BuildConfig, Builder, OpBuilder
from nengo_dl_core.numerics import rounded_product
from nengo_dl_core.signals import SignalDict
from nengo_dl_optimizer import DotSet


@Builder.register(DotInc)
@Builder.register(DotSet)
class DotIncBuilder(OpBuilder):
    """Compute ``Y += A @ X``, or ``Y = A @ X``: one batched product for the group.

    Parameters
    ----------
    ops : tuple of nengo.builder.operator.DotInc
        Operators whose matrices have the same shape.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Stack the matrices; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.mode = "update" if isinstance(self.ops[0], DotSet) else "inc"
        self.dst = signals.combine([op.Y for op in self.ops])
        n_ops = len(self.ops)
        matrix, vector = self.ops[0].A, self.ops[0].X
        # A scalar multiplies every element, and a vector is a matrix of one row.
        n_columns = matrix.shape[-1] if matrix.ndim else 1
        n_items = vector.size // n_columns
        self.a = signals.combine([op.A for op in self.ops]).reshape(
            (n_ops, matrix.size // n_columns, n_columns)
        )
        self.x = signals.combine([op.X for op in self.ops]).reshape(
            (n_ops, n_columns, n_items)
        )

    def build_step(self, signals: SignalDict) -> None:
        """Multiply; see `OpBuilder.build_step`."""
        value = _stacked_product(
            signals.gather(self.a), signals.gather(self.x), self.x.minibatched
        )
        signals.scatter(self.dst, value, mode=self.mode)

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Products of equal shapes merge; see `OpBuilder.mergeable`."""
        return bool(x.A.shape == y.A.shape and x.X.shape == y.X.shape)


def _stacked_product(a: tf.Tensor, x: tf.Tensor, minibatched: bool) -> tf.Tensor:
    """Products of stacked matrices, ``(..., k, m, n)``, and columns ``(..., k, n, p)``.

    A matrix of a single column needs no sum: its products are rounded before they are
    added to anything, as the reference does it.
    """
    if a.shape[-1] == 1:
        return rounded_product(a, x)
    if minibatched and a.shape.rank == 3 and x.shape[-1] == 1:
        # (b, k, n, 1) -> (k, b, n): the items of the minibatch are rows of one product
        rows = tf.transpose(x[..., 0], (1, 0, 2))
        return tf.transpose(tf.matmul(rows, a, transpose_b=True), (1, 0, 2))
    return tf.matmul(a, x)
