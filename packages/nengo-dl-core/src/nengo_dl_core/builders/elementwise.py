"""Build of `nengo.builder.operator.ElementwiseInc` and `ElementwiseSet`."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from nengo.builder.operator import ElementwiseInc, Operator

from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.numerics import constant, rounded_product
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.builders.tensor_signal import TensorSignal
from nengo_dl_optimizer import ElementwiseSet


@Builder.register(ElementwiseInc)
@Builder.register(ElementwiseSet)
class ElementwiseIncBuilder(OpBuilder):
    """Compute ``Y += A * X``, or ``Y = A * X``, with broadcasting.

    Parameters
    ----------
    ops : tuple of nengo.builder.operator.ElementwiseInc
        The operators of the group.
    """

    def steps_are_items(self, config: BuildConfig) -> bool:
        """Steps are items; see `OpBuilder.steps_are_items`."""
        return True

    def is_linear(self, config: BuildConfig) -> bool:
        """Products are linear; see `OpBuilder.is_linear`."""
        return True

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Arrange the factors; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.dst = signals.combine([op.Y for op in self.ops])
        self.factors = []
        for factor in ("A", "X"):
            sources = [getattr(op, factor) for op in self.ops]
            source = signals.combine(sources)
            repeats = [
                op.Y.size if src.size == 1 else 1
                for op, src in zip(self.ops, sources, strict=True)
                for _ in range(src.shape[0] if src.shape else 1)
            ]
            self.factors.append((source, repeats))

    def build_step(self, signals: SignalDict) -> None:
        """Multiply; see `OpBuilder.build_step`."""
        a, x = (self._factor(signals, *factor) for factor in self.factors)
        multiply = rounded_product if self.config.contracts else tf.multiply
        signals.scatter(self.dst, multiply(a, x), mode=self.mode)

    def _factor(
        self, signals: SignalDict, source: TensorSignal, repeats: list[int]
    ) -> tf.Tensor:
        """Arrange one factor of all operators, repeating scalars that meet vectors."""
        value = signals.gather(source)
        axis = int(source.minibatched)
        if len(self.ops) > 1 and max(repeats) > 1:
            rows = np.repeat(np.arange(len(repeats)), repeats)
            value = tf.gather(
                tf.reshape(value, (*value.shape[:axis], -1)), rows, axis=axis
            )
        missing = self.dst.ndim - (value.shape.rank - axis)
        shape = value.shape[:axis] + [1] * missing + value.shape[axis:]
        return tf.reshape(value, constant(shape.as_list())) if missing else value

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Products of vectors and scalars merge; see `OpBuilder.mergeable`."""
        return all(sig.ndim <= 1 for op in (x, y) for sig in (op.A, op.X, op.Y))
