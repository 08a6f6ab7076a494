"""Build of `nengo.builder.processes.SimProcess`: processes and synapses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.base import Process
from nengo.builder.operator import Operator
from nengo.builder.processes import SimProcess
from nengo.synapses import Alpha, LinearFilter, Lowpass, Triangle

from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.delay import DelayBuilder
from nengo_dl_core.builders.delegating import ChosenBuilder
from nengo_dl_core.builders.linear_filter import LinearFilterBuilder
from nengo_dl_core.builders.lowpass import LowpassBuilder
from nengo_dl_core.builders.python_call import PythonOpBuilder
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.builders.triangle import TriangleBuilder
from nengo_dl_core.synapses import Delay


class GenericProcessBuilder(PythonOpBuilder):
    """Run any process in Python, with a step function for each minibatch item.

    Parameters
    ----------
    ops : tuple of nengo.builder.processes.SimProcess
        The operators of the group.
    """

    @property
    def generator_ops(self) -> Sequence[Operator]:
        """All of the processes; see `OpBuilder.generator_ops`."""
        return self.ops

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look the signals up; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.inputs = [
            None if op.input is None else signals[op.input] for op in self.ops
        ]
        self.outputs = [signals[op.output] for op in self.ops]
        self.states = [signals[sig] for op in self.ops for sig in op.state.values()]

    def build_step(self, signals: SignalDict) -> list[tf.Tensor]:
        """Call the step functions; see `OpBuilder.build_step`."""
        dt = signals.dt
        generators: Any = self.config.generators
        inputs = [signals.gather(sig) for sig in self.inputs if sig is not None]
        states = [signals.gather(sig) for sig in self.states]

        def call_all(step: Any, *values: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
            time, arrays = float(step * dt), iter(values)
            given = [None if op.input is None else next(arrays) for op in self.ops]
            kept = [{name: next(arrays).copy() for name in op.state} for op in self.ops]
            outputs = [np.empty(sig.full_shape, sig.dtype) for sig in self.outputs]
            for op, x, whole, output in zip(
                self.ops, given, kept, outputs, strict=True
            ):
                items = generators.processes[op].items
                for item, (function, state, _) in enumerate(items):
                    for name, value in whole.items():
                        state[name][...] = value[item]
                    args = () if x is None else (x[item].astype(np.float64),)
                    output[item] = function(time, *args)
                    for name, value in whole.items():
                        value[item] = state[name]
            return outputs + [value for whole in kept for value in whole.values()]

        targets = self.outputs + self.states
        values = self.call(
            call_all, [signals.step, *inputs, *states], [sig.dtype for sig in targets]
        )
        for position, (target, value) in enumerate(zip(targets, values, strict=True)):
            value.set_shape(target.full_shape)
            is_output = position < len(self.outputs)
            signals.scatter(target, value, mode=self.mode if is_output else "update")
        return values

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Processes merge, into one call from TensorFlow; see `OpBuilder.mergeable`."""
        return True


@Builder.register(SimProcess)
class SimProcessBuilder(ChosenBuilder):
    """Choose the build of a group of processes.

    Parameters
    ----------
    ops : tuple of nengo.builder.processes.SimProcess
        The operators of the group.
    """

    TF_PROCESS_IMPL: ClassVar[dict[type[Process], type[OpBuilder]]] = {
        Lowpass: LinearFilterBuilder,
        Alpha: LinearFilterBuilder,
        LinearFilter: LinearFilterBuilder,
        Triangle: TriangleBuilder,
        Delay: DelayBuilder,
    }
    """Process types that are computed by TensorFlow; all others run in Python."""

    @classmethod
    def builder_type(cls, op: SimProcess) -> type[OpBuilder]:
        """Find the builder by the process's type, or a base type with the same step."""
        if op.input is None:
            return GenericProcessBuilder
        builder = next(
            (
                cls.TF_PROCESS_IMPL[kind]
                for kind in type(op.process).__mro__
                if kind in cls.TF_PROCESS_IMPL
                and type(op.process).make_step is kind.make_step
            ),
            GenericProcessBuilder,
        )
        if builder is LinearFilterBuilder and op.mode == "update" and not op.state:
            return LowpassBuilder
        return builder

    @classmethod
    def mergeable(cls, x: Operator, y: Operator) -> bool:
        """Merge what one builder can compute; see `OpBuilder.mergeable`."""
        return bool(x.mode == y.mode) and super().mergeable(x, y)
