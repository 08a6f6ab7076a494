"""The base of builders that choose among others, by more than an operator's type."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import tensorflow as tf
from nengo.builder.operator import Operator

from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.signals import SignalDict


class ChosenBuilder(OpBuilder):
    """Chooses a builder for a group, and leaves the work to it.

    Parameters
    ----------
    ops : tuple of nengo.builder.Operator
        The operators of the group.
    """

    def __init__(self, ops: Sequence[Operator]) -> None:
        super().__init__(ops)
        self.built = self.builder_type(ops[0])(ops)
        self.python_in_loop = self.built.python_in_loop
        self.has_fast_kernels = self.built.has_fast_kernels
        self.takes_parameters_of_items = self.built.takes_parameters_of_items

    @property
    def chosen(self) -> OpBuilder:
        """The chosen builder; see `OpBuilder.chosen`."""
        return self.built

    @property
    def differentiable(self) -> bool:
        """Ask the chosen builder; see `OpBuilder.differentiable`."""
        return self.built.differentiable

    @property
    def generator_ops(self) -> Sequence[Operator]:
        """Ask the chosen builder; see `OpBuilder.generator_ops`."""
        return self.built.generator_ops

    def steps_are_items(self, config: BuildConfig) -> bool:
        """Ask the chosen builder; see `OpBuilder.steps_are_items`."""
        return self.built.steps_are_items(config)

    def has_closed_form(self, config: BuildConfig, minibatch_size: int) -> bool:
        """Ask the chosen builder; see `OpBuilder.has_closed_form`."""
        return self.built.has_closed_form(config, minibatch_size)

    def is_linear(self, config: BuildConfig) -> bool:
        """Ask the chosen builder; see `OpBuilder.is_linear`."""
        return self.built.is_linear(config)

    @classmethod
    @abstractmethod
    def builder_type(cls, op: Operator) -> type[OpBuilder]:
        """Choose the builder for an operator.

        Parameters
        ----------
        op : nengo.builder.Operator
            An operator.

        Returns
        -------
        builder : type
            Subclass of `OpBuilder`.
        """

    def compiles(self, signals: SignalDict) -> bool:
        """Ask the chosen builder; see `OpBuilder.compiles`."""
        return self.built.compiles(signals)

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Let the chosen builder prepare; see `OpBuilder.build_pre`."""
        self.built.build_pre(signals, config)

    def build_step(self, signals: SignalDict) -> Sequence[tf.Tensor] | None:
        """Let the chosen builder compute; see `OpBuilder.build_step`."""
        return self.built.build_step(signals)

    def build_steps(self, signals: SignalDict, state: SignalDict | None) -> None:
        """Let the chosen builder compute; see `OpBuilder.build_steps`."""
        self.built.build_steps(signals, state)

    def build_post(self, signals: SignalDict) -> None:
        """Let the chosen builder reset; see `OpBuilder.build_post`."""
        self.built.build_post(signals)

    @classmethod
    def mergeable(cls, x: Operator, y: Operator) -> bool:
        """Merge what one builder can compute; see `OpBuilder.mergeable`."""
        builder = cls.builder_type(x)
        return builder is cls.builder_type(y) and builder.mergeable(x, y)
