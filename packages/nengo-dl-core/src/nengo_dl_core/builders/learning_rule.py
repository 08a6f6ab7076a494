"""What the builds of learning rules share.

Nengo divides learning in two: an operator for each rule computes how the weights
change, ``delta``, and at the start of the next step copy operators add the changes of
all rules to the weights. Each item of a minibatch has its own weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
from nengo.builder.operator import Operator

from nengo_dl_core.builder import BuildConfig, OpBuilder
from nengo_dl_core.numerics import rounded_product
from nengo_dl_core.signals import SignalDict, TensorSignal


class LearningRuleBuilder(OpBuilder):
    """Base of the builders of learning rules.

    Parameters
    ----------
    ops : tuple of nengo.builder.Operator
        Operators of one type, whose signals have the same shapes. In a step every
        signal is one tensor for the group, ``(minibatch_size, n_ops, *shape)``.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look the change of the weights up; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.delta = self.stacked(signals, "delta")

    def stacked(self, signals: SignalDict, name: str) -> TensorSignal:
        """Arrange a signal of all operators along an axis in front of its own.

        Parameters
        ----------
        signals : SignalDict
            Environment of the simulation.
        name : str
            Attribute of the operators that holds the signal.

        Returns
        -------
        sig : TensorSignal
            The signals, of shape ``(n_ops, *shape)``.
        """
        sigs = [getattr(op, name) for op in self.ops]
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

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Rules for weights of one shape merge; see `OpBuilder.mergeable`."""
        return bool(x.delta.shape == y.delta.shape)


def outer(column: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
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
        Matrices, of shape ``(..., m, n)``, rounded before they are added to anything.
    """
    return rounded_product(column[..., :, None], row[..., None, :])
