"""Finds the first value that is not finite, and the object that computed it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.builder.operator import Operator
from nengo.exceptions import SimulationError

from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.network.owners import Owners
from nengo_dl_optimizer import written_signals


class FiniteCheck:
    """Stops a run at the first operator that computes a value that is not finite.

    Parameters
    ----------
    owners : Owners
        Names the operators.
    keep_error : callable
        Receives the error, since TensorFlow raises one of its own.
    """

    def __init__(self, owners: Owners, keep_error: Callable[[Exception], None]) -> None:
        self.owners = owners
        self.keep_error = keep_error

    def __call__(
        self, group: Sequence[Operator], signals: SignalDict
    ) -> list[tf.Tensor]:
        """Check what a group of operators has written in a step.

        Parameters
        ----------
        group : list of nengo.builder.Operator
            The group, whose results are bound.
        signals : SignalDict
            Environment of the step.

        Returns
        -------
        checks : list of tf.Tensor
            Tensors that must be computed for the check to be made.
        """
        written = [
            (op, sig)
            for op in group
            for sig in written_signals(op)
            if np.issubdtype(signals[sig].dtype, np.floating)
        ]

        def check(step: Any, *values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
            for (op, sig), value in zip(written, values, strict=True):
                wrong = value[~np.isfinite(value)]
                if wrong.size:
                    error = SimulationError(
                        f"{self.owners.describe(op)} computed {wrong[0]} in step "
                        f"{step}: {wrong.size} of {value.size} values of {sig.name} "
                        "are not finite"
                    )
                    self.keep_error(error)
                    raise error
            return np.array(True)

        values = [signals.gather(signals[sig]) for _, sig in written]
        if not values:
            return []
        return [tf.numpy_function(check, [signals.step, *values], tf.bool)]
