"""Loss functions for `Simulator.compile`, beside those of Keras."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


def nan_mse(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
    """Compute the mean squared error of what there are targets for.

    A target that is NaN counts as an error of zero, which has no gradient either.

    Parameters
    ----------
    y_true : tf.Tensor
        Target values, ``(minibatch_size, n_steps, size)``.
    y_pred : tf.Tensor
        Values of a probe, of the same shape.

    Returns
    -------
    mse : tf.Tensor
        Mean over the last axis, ``(minibatch_size, n_steps)``; Keras averages over the
        other axes, with sample weights if there are any.

    Examples
    --------
    >>> import numpy as np
    >>> from nengo_dl_core.losses import nan_mse
    >>> nan_mse(np.array([[[1.0, np.nan]]]), np.array([[[3.0, 5.0]]])).numpy()
    array([[2.]])
    """
    y_pred = tf.convert_to_tensor(y_pred)
    y_true = tf.cast(y_true, y_pred.dtype)
    missing = tf.math.is_nan(y_true)
    error = tf.where(missing, tf.zeros_like(y_pred), y_pred - y_true)
    return tf.reduce_mean(tf.square(error), axis=-1)


class Regularize(keras.losses.Loss):
    """A norm of a probed signal, for example of the weights of a connection.

    The targets are ignored. The norms of all items, steps, and remaining axes of the
    signal are averaged.

    Parameters
    ----------
    order : int, float or str
        Order of the norm, as in `tf.norm`: 1, 2, ``np.inf``, ``"euclidean"``...
    axis : int, optional
        Axis of the signal that the norm is taken along, minibatch and time axes not
        counted. By default it is the norm of all values of the signal.

    Examples
    --------
    >>> import numpy as np
    >>> from nengo_dl_core.losses import Regularize
    >>> weights = np.array([[[3.0, 4.0]], [[0.0, 0.0]]])
    >>> float(Regularize(order=2)(None, weights))
    2.5
    """

    def __init__(self, order: int | float | str = 2, axis: int | None = None) -> None:
        super().__init__(name="regularize")
        self.order = order
        self.axis = axis

    def __call__(
        self,
        y_true: tf.Tensor,
        y_pred: tf.Tensor,
        sample_weight: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Average the norms; see `keras.losses.Loss`. The targets may be None."""
        return super().__call__(y_pred, y_pred, sample_weight)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Compute the norms.

        Parameters
        ----------
        y_true : tf.Tensor
            Ignored.
        y_pred : tf.Tensor
            Values of a probe, ``(minibatch_size, n_steps, ...)``.

        Returns
        -------
        norms : tf.Tensor
            Values without the axis that the norm is taken along.

        Raises
        ------
        ValueError
            If the signal does not have the axis.
        """
        n_outer, n_axes = 2, y_pred.shape.rank - 2
        if self.axis is None:
            shape = tf.concat([tf.shape(y_pred)[:n_outer], [-1]], axis=0)
            y_pred = tf.reshape(y_pred, shape)
            axis = -1
        elif -n_axes <= self.axis < n_axes:
            axis = self.axis % n_axes + n_outer
        else:
            raise ValueError(
                f"axis {self.axis} is out of range: the probed signal has {n_axes} axes"
            )
        # The derivative of a norm at zero is not defined; here it is zero.
        nonzero = tf.reduce_any(tf.not_equal(y_pred, 0), axis=axis, keepdims=True)
        safe = tf.where(nonzero, y_pred, tf.ones_like(y_pred))
        norm = tf.norm(safe, ord=self.order, axis=axis)
        return tf.where(tf.squeeze(nonzero, axis), norm, tf.zeros_like(norm))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments to make the same loss again; see `keras.losses.Loss`."""
        return {"order": self.order, "axis": self.axis}


class FiringRates(keras.losses.Loss):
    """Keeps the firing rates of probed neurons within a range.

    The rate of a neuron is a percentile of its outputs in all steps of all samples of
    the minibatch; the loss is the mean of the squared distances from the range. A high
    percentile, less sensitive than the maximum, is what the neuron fires at when it
    responds to something.

    Targets are ignored, and sample weights too. In training, probe the neurons without
    synapse; spikes need one to be rates.

    Parameters
    ----------
    low, high : float
        The range, in the units of the neurons' output: Hz, times their amplitude.
    percentile : float
        Percentile, from 0 to 100.

    Raises
    ------
    ValueError
        If the range or the percentile is not one.

    Examples
    --------
    >>> import numpy as np
    >>> from nengo_dl_core.losses import FiringRates
    >>> rates = np.array([[[50.0, 110.0]], [[150.0, 130.0]]])
    >>> float(FiringRates(low=100, high=120, percentile=50)(None, rates))
    0.0
    >>> float(FiringRates(low=100, high=120, percentile=100)(None, rates))
    500.0
    """

    def __init__(self, low: float, high: float, percentile: float = 99) -> None:
        super().__init__(name="firing_rates")
        if not low <= high:
            raise ValueError(f"the range from {low} to {high} is empty")
        if not 0 <= percentile <= 100:
            raise ValueError(f"percentile must be from 0 to 100, not {percentile}")
        self.low = low
        self.high = high
        self.percentile = percentile

    def __call__(
        self,
        y_true: tf.Tensor,
        y_pred: tf.Tensor,
        sample_weight: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Compute the loss; see `keras.losses.Loss`. The targets may be None."""
        return super().__call__(y_pred, y_pred)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Compute the squared distances from the range.

        Parameters
        ----------
        y_true : tf.Tensor
            Ignored.
        y_pred : tf.Tensor
            Outputs of neurons, ``(minibatch_size, n_steps, n_neurons)``.

        Returns
        -------
        losses : tf.Tensor
            One for each neuron, ``(n_neurons,)``.
        """
        ordered = tf.sort(tf.reshape(y_pred, (-1, y_pred.shape[-1])), axis=0)
        last = tf.shape(ordered)[0] - 1
        place = self.percentile / 100 * tf.cast(last, ordered.dtype)
        below = tf.cast(tf.floor(place), tf.int32)
        share = place - tf.floor(place)
        rates = (1 - share) * ordered[below] + share * ordered[
            tf.minimum(below + 1, last)
        ]
        outside = tf.nn.relu(self.low - rates) + tf.nn.relu(rates - self.high)
        return tf.square(outside)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments to make the same loss again; see `keras.losses.Loss`."""
        return {"low": self.low, "high": self.high, "percentile": self.percentile}
