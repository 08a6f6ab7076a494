"""Build of `nengo.RLS`, the recursive least squares rule."""

from __future__ import annotations

import tensorflow as tf
from nengo.builder.learning_rules import SimRLS
from nengo.exceptions import BuildError

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.learning_rule import FactoredRuleBuilder
from nengo_dl_core.builders.signals import SignalDict


def check_error(op: SimRLS) -> None:
    """Check that there is an error for each value of the connection.

    Parameters
    ----------
    op : nengo.builder.learning_rules.SimRLS
        The operator of a rule.

    Raises
    ------
    nengo.exceptions.BuildError
        If there are more or fewer.
    """
    if op.error.size != op.delta.shape[0]:
        raise BuildError(
            f"the error of RLS has {op.error.size} values, but its connection has "
            f"{op.delta.shape[0]}; an ensemble as its target has as many"
        )


@Builder.register(SimRLS)
class SimRLSBuilder(FactoredRuleBuilder):
    """Solve for the decoders that minimise the squared error so far.

    ``P' = P - (P a) (P a)^T / (1 + a^T P a)`` and ``delta = -e (P' a)^T``, where

    * ``a`` is the filtered presynaptic activity, in Hz,
    * ``e`` is the error, and
    * ``P`` is the inverse of the activities' correlation matrix, as estimated so far;
      its initial value is the learning rate times ``dt / n`` on the diagonal.

    As ``P`` is symmetric, ``P' a = P a / (1 + a^T P a)``.

    Parameters
    ----------
    ops : tuple of nengo.builder.learning_rules.SimRLS
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look the signals up; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        for op in self.ops:
            check_error(op)
        self.pre = self.stacked(signals, [op.pre_filtered for op in self.ops])
        self.error = self.stacked(signals, [op.error for op in self.ops])
        self.inverse = self.stacked(signals, [op.inv_gamma for op in self.ops])

    def factors(self, signals: SignalDict) -> tuple[tf.Tensor, tf.Tensor]:
        """Update the inverse correlations; see `FactoredRuleBuilder.factors`."""
        pre = signals.gather(self.pre)
        inverse = signals.gather(self.inverse)
        product = tf.linalg.matvec(inverse, pre)
        factor = 1 / (1 + tf.reduce_sum(pre * product, axis=-1, keepdims=True))
        signals.scatter(self.inverse, inverse - self.outer(product, product * factor))
        return signals.gather(self.error), -factor * product
