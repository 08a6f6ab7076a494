"""Build of `nengo.Tanh`."""

from __future__ import annotations

import nengo
import tensorflow as tf

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder, TFNeuronBuilder
from nengo_dl_core.builders.signals import SignalDict


@SimNeuronsBuilder.register(nengo.Tanh)
class TanhBuilder(TFNeuronBuilder):
    """Compute ``tanh(J) / tau_ref``.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Collect the parameters; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.max_rate = self.constant(signals, lambda neurons: 1 / neurons.tau_ref)

    def step(  # type: ignore[override]
        self, J: tf.Tensor, dt: float
    ) -> tf.Tensor:
        """Compute the rates; see `TFNeuronBuilder.step`."""
        return self.max_rate * tf.tanh(J)
