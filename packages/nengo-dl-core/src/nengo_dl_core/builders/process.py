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
from nengo.synapses import Alpha, LinearFilter, Lowpass

from nengo_dl_core.builder import BuildConfig, Builder, OpBuilder
from nengo_dl_core.builders.linear_filter import LinearFilterBuilder
from nengo_dl_core.builders.lowpass import LowpassBuilder, filter_step
from nengo_dl_core.builders.python_call import PythonOpBuilder
from nengo_dl_core.signals import SignalDict


class GenericProcessBuilder(PythonOpBuilder):
    """Run any process in Python, with a step function for each minibatch item.

    Parameters
    ----------
    ops : tuple of nengo.builder.processes.SimProcess
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look the signals up; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.mode = "inc" if self.ops[0].mode == "inc" else "update"
        self.inputs = [
            None if op.input is None else signals[op.input] for op in self.ops
        ]
        self.outputs = [signals[op.output] for op in self.ops]
        self.states = [signals[sig] for op in self.ops for sig in op.state.values()]

    def build_post(self, signals: SignalDict) -> None:
        """Make new step functions; see `OpBuilder.build_post`."""
        self.steps: list[list[Any]] = []
        self.buffers: list[list[dict[str, npt.NDArray[Any]]]] = []
        for op in self.ops:
            shape_in = (0,) if op.input is None else op.input.shape
            buffers = [
                {name: np.array(sig.initial_value) for name, sig in op.state.items()}
                for _ in range(signals.minibatch_size)
            ]
            self.buffers.append(buffers)
            self.steps.append(
                [
                    op.process.make_step(
                        shape_in, op.output.shape, signals.dt, rng, buffer
                    )
                    for rng, buffer in zip(self.config.process_rngs(op), buffers)
                ]
            )

    def build_step(self, signals: SignalDict) -> list[tf.Tensor]:
        """Call the step functions; see `OpBuilder.build_step`."""
        dt, dtype = signals.dt, signals.dtype
        inputs = [signals.gather(sig) for sig in self.inputs if sig is not None]
        states = [signals.gather(sig) for sig in self.states]

        def call_all(step: Any, *values: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
            given = iter(values[: len(inputs)])
            kept = iter(values[len(inputs) :])
            results, new_states = [], []
            for op, steps, buffers in zip(self.ops, self.steps, self.buffers):
                x = None if op.input is None else next(given)
                before = {name: next(kept) for name in op.state}
                outputs = []
                for item, (function, buffer) in enumerate(zip(steps, buffers)):
                    for name, value in before.items():
                        buffer[name][...] = value[item]
                    args = () if x is None else (x[item].astype(np.float64),)
                    outputs.append(function(float(step * dt), *args))
                results.append(np.asarray(outputs, dtype))
                new_states += [
                    np.asarray([buffer[name] for buffer in buffers], dtype)
                    for name in op.state
                ]
            return results + new_states

        targets = self.outputs + self.states
        values = self.call(
            call_all, [signals.step, *inputs, *states], [dtype] * len(targets)
        )
        for position, (target, value) in enumerate(zip(targets, values)):
            value.set_shape(target.full_shape)
            is_output = position < len(self.outputs)
            signals.scatter(target, value, mode=self.mode if is_output else "update")
        return values


@Builder.register(SimProcess)
class SimProcessBuilder(OpBuilder):
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
    }
    """Process types that are computed by TensorFlow; all others run in Python."""

    def __init__(self, ops: Sequence[Operator]) -> None:
        super().__init__(ops)
        self.built = self._implementation(ops[0])(ops)
        self.python_in_loop = self.built.python_in_loop  # type: ignore[misc]

    @classmethod
    def _implementation(cls, op: SimProcess) -> type[OpBuilder]:
        """The builder for one process."""
        builder = cls.TF_PROCESS_IMPL.get(type(op.process), GenericProcessBuilder)
        if op.input is None:
            return GenericProcessBuilder
        if builder is LinearFilterBuilder and op.mode == "update" and not op.state:
            return LowpassBuilder
        return builder

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Let the chosen builder prepare; see `OpBuilder.build_pre`."""
        self.built.build_pre(signals, config)

    def build_step(self, signals: SignalDict) -> Sequence[tf.Tensor] | None:
        """Let the chosen builder compute; see `OpBuilder.build_step`."""
        return self.built.build_step(signals)

    def build_post(self, signals: SignalDict) -> None:
        """Let the chosen builder reset; see `OpBuilder.build_post`."""
        self.built.build_post(signals)

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Processes merge if one builder computes both; see `OpBuilder.mergeable`."""
        builder = SimProcessBuilder._implementation(x)
        if builder is not SimProcessBuilder._implementation(y) or x.mode != y.mode:
            return False
        if builder is LinearFilterBuilder:
            # dt changes the matrices, not which of them there are
            steps = [filter_step(op, 0.001) for op in (x, y)]
            return type(steps[0]) is type(steps[1]) and x.output.shape == y.output.shape
        return True
