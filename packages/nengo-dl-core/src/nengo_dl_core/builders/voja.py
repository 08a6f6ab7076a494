"""Build of `nengo.Voja`, the vector Oja rule."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from nengo.builder.learning_rules import SimVoja

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.learning_rule import LearningRuleBuilder
from nengo_dl_core.builders.numerics import rounded_product
from nengo_dl_core.builders.signals import SignalDict


@Builder.register(SimVoja)
class SimVojaBuilder(LearningRuleBuilder):
    """Turn the encoders of active neurons towards the input.

    ``delta_j = kappa dt l a_j (s_j x - e_j)``, where

    * ``kappa`` is the learning rate,
    * ``l`` is the learning signal, 1 or 0 to turn learning on or off,
    * ``a_j`` is the filtered postsynaptic activity, in Hz,
    * ``x`` is the decoded input,
    * ``e_j`` is the scaled encoder, and
    * ``s_j`` is its scale, gain divided by radius.

    Parameters
    ----------
    ops : tuple of nengo.builder.learning_rules.SimVoja
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Compute the rates; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.delta = self.stacked(signals, [op.delta for op in self.ops])
        self.pre = self.stacked(signals, [op.pre_decoded for op in self.ops])
        self.post = self.stacked(signals, [op.post_filtered for op in self.ops])
        self.encoders = self.stacked(signals, [op.scaled_encoders for op in self.ops])
        self.learning = self.stacked(signals, [op.learning_signal for op in self.ops])
        rates = [op.learning_rate * signals.dt for op in self.ops]
        self.alpha = self.constant(signals, rates)
        scales = np.stack([op.scale for op in self.ops])
        self.scale = tf.constant(scales[..., None], signals.dtype)

    def build_step(self, signals: SignalDict) -> None:
        """Compute the change; see `OpBuilder.build_step`."""
        post = signals.gather(self.post)
        drawn = rounded_product(self.scale, self.outer(post, signals.gather(self.pre)))
        kept = rounded_product(post[..., None], signals.gather(self.encoders))
        rate = (self.alpha * signals.gather(self.learning))[..., None]
        signals.scatter(self.delta, rounded_product(rate, drawn - kept))
