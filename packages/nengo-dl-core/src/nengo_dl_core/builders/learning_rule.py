"""What the builds of learning rules share.

Nengo divides learning in two: an operator for each rule computes how the weights
change, ``delta``, and at the start of the next step copy operators add the changes of
all rules to the weights. Each item of a minibatch has its own weights.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import tensorflow as tf
from nengo.builder.operator import Operator
from nengo.builder.signal import Signal

from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.numerics import rounded, rounded_product
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.builders.tensor_signal import TensorSignal


class LearningRuleBuilder(OpBuilder):
    """Base of the builders of learning rules.

    Parameters
    ----------
    ops : tuple of nengo.builder.Operator
        Operators of one type, whose signals have the same shapes. In a step every
        signal is one tensor for the group, ``(minibatch_size, n_ops, *shape)``.
    """

    def stacked(self, signals: SignalDict, sigs: Sequence[Signal]) -> TensorSignal:
        """Arrange a signal of all operators along an axis in front of its own.

        Parameters
        ----------
        signals : SignalDict
            Environment of the simulation.
        sigs : list of nengo.builder.Signal
            A signal of each operator.

        Returns
        -------
        sig : TensorSignal
            The signals, of shape ``(n_ops, *shape)``.
        """
        return signals.combine(sigs).reshape((len(sigs), *sigs[0].shape))

    def constant(self, signals: SignalDict, values: Sequence[float]) -> tf.Tensor:
        """Make a tensor of a parameter of the rules.

        Parameters
        ----------
        signals : SignalDict
            Environment of the simulation.
        values : list of float
            One value for each operator.

        Returns
        -------
        constant : tf.Tensor
            The values, of shape ``(n_ops, 1)``.
        """
        return tf.constant(values, signals.dtype, (len(self.ops), 1))

    def outer(self, column: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
        """Multiply every element of one vector by every element of another.

        Parameters
        ----------
        column : tf.Tensor
            Vectors, of shape ``(..., m)``.
        row : tf.Tensor
            Vectors, of shape ``(..., n)``.

        Returns
        -------
        products : tf.Tensor
            Matrices, of shape ``(..., m, n)``, rounded before they are added to
            anything.
        """
        a, b = column[..., :, None], row[..., None, :]
        if self.config.training and self.config.cpu_only:
            # the same products, whose gradients are products of matrices and vectors
            return rounded(tf.matmul(a, b))
        return rounded_product(a, b)

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Rules for weights of one shape merge; see `OpBuilder.mergeable`."""
        return [sig.shape for sig in x.updates] == [sig.shape for sig in y.updates]


class FactoredRuleBuilder(LearningRuleBuilder):
    """Base of the builders of rules whose change is a column times a row.

    Parameters
    ----------
    ops : tuple of nengo.builder.Operator
        The operators as Nengo builds them, which update ``delta``; or as
        `factor_changes` makes them, which update a column in place of it, and
        after all else a row.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look up where the change is put; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.delta = self.stacked(signals, [op.delta for op in self.ops])
        self.row = None
        if self.ops[0].delta.ndim == 1:
            self.row = self.stacked(signals, [op.updates[-1] for op in self.ops])

    def build_step(self, signals: SignalDict) -> None:
        """Compute the change; see `OpBuilder.build_step`."""
        column, row = self.factors(signals)
        if self.row is None:
            signals.scatter(self.delta, self.outer(column, row))
        else:
            signals.scatter(self.delta, column)
            signals.scatter(self.row, row)

    @abstractmethod
    def factors(self, signals: SignalDict) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute the factors of the change.

        Parameters
        ----------
        signals : SignalDict
            Environment of the step.

        Returns
        -------
        column : tf.Tensor
            Of shape ``(minibatch_size, n_ops, n_post)``.
        row : tf.Tensor
            Of shape ``(minibatch_size, n_ops, n_pre)``.
        """
