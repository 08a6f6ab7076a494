"""Build of `nengo.PES`, the prescribed error sensitivity rule."""

from __future__ import annotations

from nengo.builder.learning_rules import SimPES

from nengo_dl_core.builder import BuildConfig, Builder
from nengo_dl_core.builders.learning_rule import LearningRuleBuilder, outer
from nengo_dl_core.signals import SignalDict


@Builder.register(SimPES)
class SimPESBuilder(LearningRuleBuilder):
    r"""Change weights along the error, ``delta = -(kappa dt / n) e a^T``.

    where

    * ``kappa`` is the learning rate, in 1/s,
    * ``n`` is the number of presynaptic neurons,
    * ``e`` is the error (of each dimension, or of each postsynaptic neuron), and
    * ``a`` is the filtered presynaptic activity, in Hz.

    Parameters
    ----------
    ops : tuple of nengo.builder.learning_rules.SimPES
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Compute the rates; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.pre = self.stacked(signals, "pre_filtered")
        self.error = self.stacked(signals, "error")
        n_neurons = self.pre.shape[1]
        self.alpha = self.constant(
            signals, [-op.learning_rate * signals.dt / n_neurons for op in self.ops]
        )

    def build_step(self, signals: SignalDict) -> None:
        """Compute the change; see `OpBuilder.build_step`."""
        error = self.alpha * signals.gather(self.error)
        signals.scatter(self.delta, outer(error, signals.gather(self.pre)))
