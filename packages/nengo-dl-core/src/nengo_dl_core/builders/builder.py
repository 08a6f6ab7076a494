"""From groups of Nengo operators to TensorFlow operations.

An `OpBuilder` knows how one type of operator is computed; `Builder` finds the one for
each group of a plan. A new operator type is added by writing a builder for it:

>>> import nengo
>>> from nengo_dl_core import Builder, OpBuilder
>>> class Negate(nengo.builder.operator.Copy):
...     "Set ``dst`` to ``-src``."
>>> @Builder.register(Negate)
... class NegateBuilder(OpBuilder):
...     def build_pre(self, signals, config):
...         super().build_pre(signals, config)
...         self.src = signals.combine([op.src for op in self.ops])
...         self.dst = signals.combine([op.dst for op in self.ops])
...
...     def build_step(self, signals):
...         signals.scatter(self.dst, -signals.gather(self.src))
...
...     @staticmethod
...     def mergeable(x, y):
...         return True
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, TypeVar

import keras
import tensorflow as tf
from nengo.builder.operator import Operator
from nengo.exceptions import BuildError

from nengo_dl_core.builders.base import BuildConfig, Group, OpBuilder
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.builders.taken import taken, taken_back
from nengo_dl_core.progress import NullProgressBar, ProgressBar

_B = TypeVar("_B", bound=type[OpBuilder])


class Builder:
    """Builds the groups of a plan, in their order.

    Parameters
    ----------
    plan : list of tuple of nengo.builder.Operator
        Groups of operators in execution order.

    Raises
    ------
    nengo.exceptions.BuildError
        If there is no builder for a type of operator.
    """

    builders: ClassVar[dict[type[Operator], type[OpBuilder]]] = {}

    def __init__(self, plan: Sequence[Group]) -> None:
        self.op_builds = {group: self.builder_type(group[0])(group) for group in plan}

    @classmethod
    def register(cls, operator_type: type[Operator]) -> Callable[[_B], _B]:
        """Make a builder the one that is used for an operator type.

        Parameters
        ----------
        operator_type : type
            Subclass of `nengo.builder.Operator`.

        Returns
        -------
        decorator : callable
            Registers the `OpBuilder` subclass that it is applied to.
        """

        def decorator(builder: _B) -> _B:
            if not issubclass(builder, OpBuilder):
                raise TypeError(f"{builder.__name__} must be a subclass of OpBuilder")
            cls.builders[operator_type] = builder
            return builder

        return decorator

    @classmethod
    def builder_type(cls, op: Operator) -> type[OpBuilder]:
        """Find the builder for an operator.

        Parameters
        ----------
        op : nengo.builder.Operator
            An operator.

        Returns
        -------
        builder : type
            Subclass of `OpBuilder`.

        Raises
        ------
        nengo.exceptions.BuildError
            If there is none.
        """
        try:
            return cls.builders[type(op)]
        except KeyError:
            raise BuildError(
                f"No builder is registered for {op}: write an OpBuilder for "
                f"{type(op).__name__} and register it with Builder.register"
            ) from None

    @classmethod
    def mergeable(cls, op: Operator, group: Sequence[Operator]) -> bool:
        """Decide whether an operator may join a group, for the graph optimizer.

        Parameters
        ----------
        op : nengo.builder.Operator
            The operator in question.
        group : list of nengo.builder.Operator
            Operators of the same type and shapes, chosen already.

        Returns
        -------
        mergeable : bool
            What the operator's builder says.
        """
        return cls.builder_type(op).mergeable(op, group[0])

    @property
    def layers(self) -> list[keras.layers.Layer]:
        """The Keras layers that are called in a step."""
        return [layer for build in self.op_builds.values() for layer in build.layers]

    @property
    def changing_weights(self) -> list[keras.Variable]:
        """Weights of layers that every step changes; see `OpBuilder`."""
        found = {
            id(weight): weight
            for build in self.op_builds.values()
            for weight in build.changing_weights
        }
        return list(found.values())

    @property
    def generator_ops(self) -> list[Operator]:
        """Operators that draw random numbers in Python; see `OpBuilder`."""
        return [op for build in self.op_builds.values() for op in build.generator_ops]

    @property
    def python_in_loop(self) -> bool:
        """Whether a group calls Python in every step."""
        return any(build.python_in_loop for build in self.op_builds.values())

    def build_layers(self, signals: SignalDict) -> None:
        """Build the Keras layers of all groups that have no weights yet.

        Parameters
        ----------
        signals : SignalDict
            The signals of the simulation.
        """
        for build in self.op_builds.values():
            build.build_layers(signals)

    def in_python(self) -> list[Operator]:
        """Find the operators that call into Python in every step.

        Returns
        -------
        ops : list of nengo.builder.Operator
            The operators.
        """
        return [
            op
            for group, build in self.op_builds.items()
            if build.python_in_loop
            for op in group
        ]

    def not_compilable(self, signals: SignalDict) -> list[Operator]:
        """Find the operators that keep a simulation from being compiled.

        Parameters
        ----------
        signals : SignalDict
            The signals of the simulation.

        Returns
        -------
        ops : list of nengo.builder.Operator
            Those that call into Python in every step, or that XLA cannot compile.
        """
        return [
            op
            for group, build in self.op_builds.items()
            if not build.compiles(signals)
            for op in group
        ]

    def build_pre(
        self,
        signals: SignalDict,
        config: BuildConfig,
        progress: ProgressBar | None = None,
    ) -> None:
        """Compute what is the same in every step, for all groups.

        Parameters
        ----------
        signals : SignalDict
            Environment, in which all parameters are bound.
        config : BuildConfig
            Settings of the simulation.
        progress : ProgressBar, optional
            Advanced once for each group.
        """
        signals.taken = taken_back if config.training else taken
        for group, build in self._progressed(progress):
            with _named(group):
                build.build_pre(signals, config)

    def build_step(
        self,
        signals: SignalDict,
        progress: ProgressBar | None = None,
        check: Callable[[Group, SignalDict], Sequence[tf.Tensor]] | None = None,
    ) -> list[tf.Tensor]:
        """Compute one simulation step.

        Parameters
        ----------
        signals : SignalDict
            Environment of the step; holds the results afterwards.
        progress : ProgressBar, optional
            Advanced once for each group.
        check : callable, optional
            Called after each group, to check its results; returns tensors that must be
            computed for it.

        Returns
        -------
        side_effects : list of tf.Tensor
            Tensors that must be computed although nothing reads them.
        """
        side_effects: list[tf.Tensor] = []
        for group, build in self._progressed(progress):
            with _named(group):
                side_effects.extend(build.build_step(signals) or ())
                if check is not None:
                    side_effects.extend(check(group, signals))
        return side_effects

    def build_steps(self, signals: SignalDict, state: SignalDict | None = None) -> None:
        """Compute many steps at once; see `OpBuilder.build_steps`.

        Parameters
        ----------
        signals : SignalDict
            Environment of all items of all steps; holds the results afterwards.
        state : SignalDict, optional
            Environment of a single step, with the state before the first one.
        """
        for group, build in self.op_builds.items():
            with _named(group):
                build.build_steps(signals, state)

    def build_post(
        self, signals: SignalDict, progress: ProgressBar | None = None
    ) -> None:
        """Let all groups prepare for the first step.

        Parameters
        ----------
        signals : SignalDict
            Environment of the simulation.
        progress : ProgressBar, optional
            Advanced once for each group.
        """
        for _, build in self._progressed(progress):
            build.build_post(signals)

    def _progressed(
        self, progress: ProgressBar | None
    ) -> Iterator[tuple[Group, OpBuilder]]:
        progress = NullProgressBar() if progress is None else progress
        for item in self.op_builds.items():
            yield item
            progress.step()


def _named(group: Group) -> Any:
    """Name TensorFlow's operations after the operators, for profiles."""
    return tf.name_scope(type(group[0]).__name__)
