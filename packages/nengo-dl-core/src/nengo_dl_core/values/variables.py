"""The variables in which TensorFlow holds a simulation."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.builder.probe import SimProbe
from nengo.builder.signal import Signal

from nengo_dl_core.program.program import Program
from nengo_dl_core.values.layer_weights import LayerWeights
from nengo_dl_core.values.variable_access import assign, read
from nengo_dl_optimizer import Block

Array = npt.NDArray[Any]


class Variables:
    """Parameters and state of a simulation, for TensorFlow.

    Parameters
    ----------
    program : Program
        What is simulated.
    add_weight : callable
        `keras.layers.Layer.add_weight` of the layer that is to own the variables.

    Attributes
    ----------
    parameters : list of (Block, keras.Variable)
        The variables of blocks that nothing in the simulation writes.
    states : list of keras.Variable
        The packed state that survives a step; see `Memory.initial_states`.
    layer_weights : LayerWeights
        Weights of Keras layers that are called in a step.
    step : tf.Variable
        Number of steps that have been simulated.
    """

    def __init__(
        self, program: Program, add_weight: Callable[..., keras.Variable]
    ) -> None:
        memory = self._memory = program.memory
        with tf.device(program.device):
            needed = _needed(program)
            self.parameters: list[tuple[Block, keras.Variable]] = [
                (block, self._parameter(block, add_weight, needed))
                for block in memory.parameters
            ]
            self.states: list[keras.Variable] = [
                _state_variable(f"state_{dtype}", value)
                for dtype, value in zip(
                    memory.states, memory.initial_states(), strict=True
                )
            ]
            program.builder.build_layers(memory.environment())
            self.layer_weights = LayerWeights(program.builder.layers, add_weight)
            self.step = tf.Variable(
                0,
                dtype=tf.int64,
                trainable=False,
                name="step",
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            )

    def _parameter(
        self,
        block: Block,
        add_weight: Callable[..., keras.Variable],
        needed: Set[Signal],
    ) -> keras.Variable:
        value = self._memory.initial_value(block)
        return add_weight(
            shape=value.shape,
            dtype=value.dtype.name,
            initializer=lambda *_, **__: tf.constant(value),
            trainable=bool(block.trainable) and not needed.isdisjoint(block.signals),
            autocast=False,
            name=f"block_{block.index}",
        )

    @property
    def distributed(self) -> bool:
        """Whether there are several replicas of the variables; see `tf.distribute`."""
        return isinstance(self.step, tf.distribute.DistributedValues)

    @property
    def n_steps(self) -> int:
        """Number of steps that have been simulated."""
        if self.distributed:
            return int(self.step.read_value())
        return int(read(self.step))

    def read_states(self) -> tuple[Array, ...]:
        """Read the packed state.

        Returns
        -------
        states : tuple of ndarray
            See `Memory.initial_states`.
        """
        if self.distributed:
            return tuple(variable.numpy() for variable in self.states)
        return tuple(read(variable) for variable in self.states)

    def write_states(self, states: tuple[Array, ...], n_steps: int) -> None:
        """Give the state other values.

        Parameters
        ----------
        states : tuple of ndarray
            The packed state.
        n_steps : int
            Number of steps that have been simulated.
        """
        if self.distributed:
            for variable, value in zip(self.states, states, strict=True):
                variable.assign(value)
            self.step.assign(n_steps)
            return
        for variable, value in zip(self.states, states, strict=True):
            assign(variable, value)
        assign(self.step, np.array(n_steps, np.int64))

    def reset_parameters(self) -> None:
        """Undo what training has changed."""
        for block, variable in self.parameters:
            variable.assign(self._memory.initial_value(block))
        self.layer_weights.reset()


def _needed(program: Program) -> set[Signal]:
    """Find the signals that have an effect: others have a place in memory alone."""
    readers = (op for op in program.optimized.graph if type(op) is not SimProbe)
    read = {signal.base for op in readers for signal in op.all_signals}
    current = program.optimized.graph.current
    return read.union(current(signal).base for signal in program.probed)


def _state_variable(name: str, value: Array) -> keras.Variable:
    """Make a variable with a value of its own on each replica of `tf.distribute`."""
    return keras.Variable(
        lambda *_, **__: tf.constant(value),
        shape=value.shape,
        dtype=value.dtype.name,
        trainable=False,
        autocast=False,
        synchronization="on_read",
        aggregation="only_first_replica",
        name=name,
    )
