"""Build of `SimInput`: input Nodes of models that call Python in every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.builder.operator import Operator

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.python_call import PythonOpBuilder
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.network.inputs import SimInput


@Builder.register(SimInput)
class SimInputBuilder(PythonOpBuilder):
    """Evaluate an input Node within the step, where no data is given for it.

    Parameters
    ----------
    ops : tuple of SimInput
        A single operator.
    """

    python_in_loop = False  # it is not the Node that keeps a model from being compiled

    def __init__(self, ops: Sequence[Operator]) -> None:
        super().__init__(ops)
        (self.op,) = ops

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look the signal up; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.output = signals[self.op.sets[0]]

    def build_step(self, signals: SignalDict) -> list[tf.Tensor]:
        """Evaluate the Node, unless data is given; see `OpBuilder.build_step`."""
        is_evaluated = self.config.evaluates_inputs
        if is_evaluated is None:
            return []  # the value has been bound before the step
        source, dt, generators = self.op.source, signals.dt, self.config.generators

        def evaluate(step: Any, given: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
            if not is_evaluated(source.node):
                return [given]
            row = np.empty(given.shape)
            source.fill(row, float(step * dt), generators)
            source.check_finite(row[np.newaxis])
            return [row.astype(given.dtype)]

        given = signals.gather(self.output)
        (value,) = self.call(evaluate, [signals.step, given], [self.output.dtype])
        value.set_shape(self.output.full_shape)
        signals.scatter(self.output, value)
        return [value]
