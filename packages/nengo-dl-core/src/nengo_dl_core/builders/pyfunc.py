"""Build of `nengo.builder.operator.SimPyFunc`: Python functions of Nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.builder.operator import Operator, SimPyFunc
from nengo.exceptions import SimulationError
from nengo.utils.functions import function_name

from nengo_dl_core.builder import BuildConfig, Builder
from nengo_dl_core.builders.python_call import PythonOpBuilder
from nengo_dl_core.signals import SignalDict


def checked_value(
    function: Callable[..., Any], result: Any, size: int
) -> npt.NDArray[Any]:
    """Check what the function of a Node has returned.

    Parameters
    ----------
    function : callable
        The function.
    result : object
        What it returned.
    size : int
        Number of values that it should have returned.

    Returns
    -------
    value : ndarray
        The values, of shape ``(size,)``.

    Raises
    ------
    nengo.exceptions.SimulationError
        If the result is None, something that is no number, a value that is not finite,
        or another number of values.
    """
    name = function_name(function)
    if result is None:
        raise SimulationError(
            f"Function '{name}' returned None, expected {size} values"
        )
    try:
        value = np.asarray(result, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SimulationError(
            f"Function '{name}' returned a value {result!r} of invalid type "
            f"{type(result).__name__}, expected {size} numbers"
        ) from error
    if not np.isfinite(value).all():
        raise SimulationError(f"Function '{name}' returned non-finite value {result!r}")
    if value.size not in (1, size):
        raise SimulationError(
            f"Function '{name}' returned {value.size} values, expected {size}"
        )
    return np.broadcast_to(value.reshape(-1), (size,))


@Builder.register(SimPyFunc)
class SimPyFuncBuilder(PythonOpBuilder):
    """Call Python functions, once for each item of the minibatch.

    Parameters
    ----------
    ops : tuple of nengo.builder.operator.SimPyFunc
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look the signals up; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.inputs = [None if op.x is None else signals[op.x] for op in self.ops]
        self.outputs = [op.output for op in self.ops if op.output is not None]
        self.dst = signals.combine(self.outputs) if self.outputs else None

    def build_step(self, signals: SignalDict) -> list[tf.Tensor]:
        """Call the functions; see `OpBuilder.build_step`."""
        batch, dt = signals.minibatch_size, signals.dt
        dtype = np.dtype(signals.dtype)

        def call_all(step: Any, *inputs: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
            given = iter(inputs)
            results = [np.zeros((batch, 0), dtype)]
            for op, source in zip(self.ops, self.inputs, strict=True):
                x = None if source is None else next(given)
                time = () if op.t is None else (float(step * dt),)
                rows = [
                    time if x is None else (*time, x[item].copy())
                    for item in range(batch)
                ]
                if op.output is None:
                    for args in rows:
                        op.fn(*args)
                    continue
                values = [
                    checked_value(op.fn, op.fn(*args), op.output.size) for args in rows
                ]
                results.append(np.array(values, dtype))
            return [np.concatenate(results, axis=1)]

        gathered = [signals.gather(sig) for sig in self.inputs if sig is not None]
        (value,) = self.call(call_all, [signals.step, *gathered], [signals.dtype])
        if self.dst is not None:
            value.set_shape(self.dst.full_shape)
            signals.scatter(self.dst, value)
        return [value]

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Functions merge, into one call from TensorFlow; see `OpBuilder.mergeable`."""
        return True
