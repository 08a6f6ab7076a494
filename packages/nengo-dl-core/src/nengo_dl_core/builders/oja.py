"""Build of `nengo.Oja`, Oja's rule."""

from __future__ import annotations

from nengo.builder.learning_rules import SimOja

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.learning_rule import LearningRuleBuilder
from nengo_dl_core.builders.numerics import rounded_product
from nengo_dl_core.builders.signals import SignalDict


@Builder.register(SimOja)
class SimOjaBuilder(LearningRuleBuilder):
    """Strengthen weights of neurons that are active together, and let them decay.

    ``delta_ji = kappa dt (a_j a_i - beta a_j^2 w_ji)``, where

    * ``kappa`` is the learning rate,
    * ``beta`` is the forgetting rate,
    * ``a_i`` is the filtered presynaptic activity, in Hz,
    * ``a_j`` is the filtered postsynaptic activity, in Hz, and
    * ``w_ji`` is the weight.

    Parameters
    ----------
    ops : tuple of nengo.builder.learning_rules.SimOja
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Compute the rates; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.delta = self.stacked(signals, [op.delta for op in self.ops])
        self.pre = self.stacked(signals, [op.pre_filtered for op in self.ops])
        self.post = self.stacked(signals, [op.post_filtered for op in self.ops])
        self.weights = self.stacked(signals, [op.weights for op in self.ops])
        rates = [op.learning_rate * signals.dt for op in self.ops]
        self.alpha = self.constant(signals, rates)
        self.decay = self.constant(signals, [-op.beta for op in self.ops])[..., None]

    def build_step(self, signals: SignalDict) -> None:
        """Compute the change; see `OpBuilder.build_step`."""
        post = signals.gather(self.post)
        weighted = self.alpha * post
        forgotten = rounded_product(
            self.decay * signals.gather(self.weights), (weighted * post)[..., None]
        )
        learned = self.outer(weighted, signals.gather(self.pre))
        signals.scatter(self.delta, forgotten + learned)
