"""Build of neuron types without equations in TensorFlow: Nengo's own steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.builder.operator import Operator

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.python_call import PythonOpBuilder
from nengo_dl_core.builders.signals import SignalDict


class GenericNeuronBuilder(PythonOpBuilder):
    """Call the ``step`` function of any neuron type, for each item of the minibatch.

    Every step leaves TensorFlow, so that a model with such neurons cannot be compiled.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    @property
    def generator_ops(self) -> Sequence[Operator]:
        """The neurons that have generators; see `OpBuilder.generator_ops`."""
        return [op for op in self.ops if op.state_extra]

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look the signals up; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.J_data = signals.combine([op.J for op in self.ops])
        self.targets = [
            signals.combine(sets)
            for sets in zip(*(op.sets for op in self.ops), strict=True)
        ]

    def build_step(self, signals: SignalDict) -> list[tf.Tensor]:
        """Call ``step``; see `OpBuilder.build_step`."""
        dt, batch = signals.dt, signals.minibatch_size
        generators: Any = self.config.generators

        def call_all(*arrays: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
            J = np.array(np.broadcast_to(arrays[0], (batch, arrays[0].shape[-1])))
            results = [np.zeros_like(J), *(array.copy() for array in arrays[1:])]
            for item in range(batch):
                rows = [_consecutive_rows(array[item]) for array in (J, *results)]
                for op in self.ops:
                    extra = generators.neurons[op].items[item] if op.state_extra else {}
                    current, output, *state = (
                        next_rows(sig.shape)
                        for next_rows, sig in zip(rows, [op.J, *op.sets], strict=True)
                    )
                    named = dict(zip(op.state_idxs, state, strict=True))
                    op.neurons.step(dt, current, output, **named, **extra)
            return results

        inputs = [signals.gather(sig) for sig in (self.J_data, *self.targets[1:])]
        results = self.call(call_all, inputs, [sig.dtype for sig in self.targets])
        for target, result in zip(self.targets, results, strict=True):
            result.set_shape(target.full_shape)
            signals.scatter(target, result)
        return results

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Merge neurons of all types into one call from TensorFlow."""
        return True


def _consecutive_rows(
    array: npt.NDArray[Any],
) -> Callable[[tuple[int, ...]], npt.NDArray[Any]]:
    """Take an array apart into views of consecutive rows.

    Parameters
    ----------
    array : ndarray
        Array of shape ``(n_rows, ...)``.

    Returns
    -------
    next_rows : callable
        Gives the next view, of the shape that it is called with.
    """
    start = 0

    def next_rows(shape: tuple[int, ...]) -> npt.NDArray[Any]:
        nonlocal start
        stop = start + (shape[0] if shape else 1)
        view = array[start:stop].reshape(shape)
        start = stop
        return view

    return next_rows
