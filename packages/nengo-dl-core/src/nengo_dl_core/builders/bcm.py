"""Build of `nengo.BCM`, the Bienenstock-Cooper-Munro rule."""

from __future__ import annotations

import tensorflow as tf
from nengo.builder.learning_rules import SimBCM

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.learning_rule import FactoredRuleBuilder
from nengo_dl_core.builders.signals import SignalDict


@Builder.register(SimBCM)
class SimBCMBuilder(FactoredRuleBuilder):
    """Strengthen weights of neurons above their threshold, and weaken the others.

    ``delta_ji = kappa dt a_j (a_j - theta_j) a_i``, where

    * ``kappa`` is the learning rate,
    * ``a_i`` is the filtered presynaptic activity, in Hz,
    * ``a_j`` is the filtered postsynaptic activity, in Hz, and
    * ``theta_j`` is the slowly filtered postsynaptic activity, in Hz.

    Parameters
    ----------
    ops : tuple of nengo.builder.learning_rules.SimBCM
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Compute the rates; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.pre = self.stacked(signals, [op.pre_filtered for op in self.ops])
        self.post = self.stacked(signals, [op.post_filtered for op in self.ops])
        self.theta = self.stacked(signals, [op.theta for op in self.ops])
        rates = [op.learning_rate * signals.dt for op in self.ops]
        self.alpha = self.constant(signals, rates)

    def factors(self, signals: SignalDict) -> tuple[tf.Tensor, tf.Tensor]:
        """Compare activities and thresholds; see `FactoredRuleBuilder.factors`."""
        post = signals.gather(self.post)
        above = post - signals.gather(self.theta)
        return self.alpha * post * above, signals.gather(self.pre)
