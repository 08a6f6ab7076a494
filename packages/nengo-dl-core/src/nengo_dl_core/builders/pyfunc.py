"""Build of `nengo.builder.operator.SimPyFunc`: Python functions of Nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.builder.operator import Operator, SimPyFunc

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.python_call import PythonOpBuilder
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.network.functions import vector_func
from nengo_dl_optimizer import PythonCall


def checked_function(op: SimPyFunc) -> Callable[..., Any]:
    """Wrap the function of an operator, so that what it returns is checked.

    Parameters
    ----------
    op : nengo.builder.operator.SimPyFunc
        The operator.

    Returns
    -------
    function : callable
        See `vector_func`; a function whose result nobody uses is left as it is.
    """
    if op.output is None:
        return op.fn
    return vector_func(op.fn, op.output.size, op.output.name.removesuffix(".out"))


@Builder.register(PythonCall)
@Builder.register(SimPyFunc)
class SimPyFuncBuilder(PythonOpBuilder):
    """Call Python functions, once for each item of the minibatch.

    Parameters
    ----------
    ops : tuple of nengo.builder.operator.SimPyFunc
        The operators of the group.
    """

    def __init__(self, ops: Sequence[Operator]) -> None:
        super().__init__(ops)
        self.functions = [checked_function(op) for op in ops]

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look the signals up; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.inputs = [None if op.x is None else signals[op.x] for op in self.ops]
        outputs = [op.output for op in self.ops if op.output is not None]
        self.dst = signals.combine(outputs) if outputs else None

    def build_step(self, signals: SignalDict) -> list[tf.Tensor]:
        """Call the functions; see `OpBuilder.build_step`."""
        batch, dt = signals.minibatch_size, signals.dt
        dtype = np.dtype(signals.dtype)

        def call_all(step: Any, *inputs: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
            given = iter(inputs)
            results = [np.zeros((batch, 0), dtype)]
            for op, function, source in zip(
                self.ops, self.functions, self.inputs, strict=True
            ):
                x = None if source is None else next(given)
                time = () if op.t is None else (float(step * dt),)
                values = [
                    function(*time) if x is None else function(*time, x[item].copy())
                    for item in range(batch)
                ]
                if op.output is not None:
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
