"""Build of neuron types without equations in TensorFlow: Nengo's own steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.builder.operator import Operator

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.python_call import PythonOpBuilder
from nengo_dl_core.builders.random_streams import item_rng
from nengo_dl_core.builders.signals import SignalDict


class GenericNeuronBuilder(PythonOpBuilder):
    """Call the ``step`` function of any neuron type, for each item of the minibatch.

    Every step leaves TensorFlow, so that a model with such neurons cannot be compiled.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    def __init__(self, ops: Sequence[Operator]) -> None:
        super().__init__(ops)
        self.extras: list[list[dict[str, Any]]] = []

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look the signals up; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.J_data = signals.combine([op.J for op in self.ops])
        self.targets = [
            signals.combine(sets)
            for sets in zip(*(op.sets for op in self.ops), strict=True)
        ]
        if not self.extras:
            self.build_post(signals)

    def build_post(self, signals: SignalDict) -> None:
        """Reset the random number generators; see `OpBuilder.build_post`.

        Those of the first item are in the state in which Nengo's simulator has them.
        """
        self.extras = [
            [
                {name: item_rng(rng, item) for name, rng in op.state_extra.items()}
                for op in self.ops
            ]
            for item in range(signals.minibatch_size)
        ]

    def python_state(self) -> Any:
        """The random number generators; see `OpBuilder.python_state`."""
        return deepcopy(self.extras)

    def restore_python_state(self, state: Any) -> None:
        """Return to earlier generators; see `OpBuilder.restore_python_state`."""
        self.extras = deepcopy(state)

    def build_step(self, signals: SignalDict) -> list[tf.Tensor]:
        """Call ``step``; see `OpBuilder.build_step`."""
        dt, batch = signals.dt, signals.minibatch_size

        def call_all(*arrays: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
            J = np.array(np.broadcast_to(arrays[0], (batch, arrays[0].shape[-1])))
            results = [np.zeros_like(J), *(array.copy() for array in arrays[1:])]
            for item, extras in enumerate(self.extras):
                rows = [_consecutive_rows(array[item]) for array in (J, *results)]
                for op, extra in zip(self.ops, extras, strict=True):
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
