"""Build of `OuterInc`, which adds the product of two vectors to a matrix."""

from __future__ import annotations

from nengo.builder.operator import Operator
from nengo.builder.signal import Signal

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.learning_rule import LearningRuleBuilder
from nengo_dl_core.builders.signals import SignalDict


class OuterInc(Operator):
    """Adds the product of a column and a row to a matrix.

    Parameters
    ----------
    column : nengo.builder.Signal
        Of shape ``(m,)``.
    row : nengo.builder.Signal
        Of shape ``(n,)``.
    target : nengo.builder.Signal
        The matrix, of shape ``(m, n)``.
    tag : str, optional
        Name shown in messages.

    Notes
    -----
    1. sets ``[]``
    2. incs ``[target]``
    3. reads ``[column, row]``
    4. updates ``[]``
    """

    def __init__(
        self, column: Signal, row: Signal, target: Signal, tag: str | None = None
    ) -> None:
        super().__init__(tag=tag)
        self.sets: list[Signal] = []
        self.incs = [target]
        self.reads = [column, row]
        self.updates: list[Signal] = []


@Builder.register(OuterInc)
class OuterIncBuilder(LearningRuleBuilder):
    """Add products of columns and rows to matrices.

    Parameters
    ----------
    ops : tuple of OuterInc
        Operators whose matrices have one shape.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look the signals up; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.column, self.row = (
            self.stacked(signals, [op.reads[i] for op in self.ops]) for i in (0, 1)
        )
        self.target = signals.combine([op.incs[0] for op in self.ops])

    def build_step(self, signals: SignalDict) -> None:
        """Add the products; see `OpBuilder.build_step`."""
        column, row = signals.gather(self.column), signals.gather(self.row)
        signals.scatter(self.target, self.outer(column, row), mode="inc")

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Products of one shape merge; see `OpBuilder.mergeable`."""
        return bool(x.incs[0].shape == y.incs[0].shape)
