"""Methods of earlier releases, in terms of those that took their place."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import wraps
from typing import Any

import nengo
import tensorflow as tf
from nengo.exceptions import ValidationError

from nengo_dl_core.training.losses import nan_mse


def warn_deprecated(name: str, instead: str, stacklevel: int = 3) -> None:
    """Warn whoever called the caller that something has another name now.

    Parameters
    ----------
    name : str
        The old name.
    instead : str
        What to write.
    stacklevel : int
        How many calls above this one the old name is written.
    """
    warnings.warn(
        f"{name} is deprecated, use {instead}",
        DeprecationWarning,
        stacklevel=stacklevel,
    )


def mse(outputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Compute the mean squared error, as an objective of `Simulator.train`.

    Parameters
    ----------
    outputs : tf.Tensor
        Values of a probe, ``(minibatch_size, n_steps, size)``.
    targets : tf.Tensor
        Targets, of the same shape; those that are NaN count as no error.

    Returns
    -------
    mse : tf.Tensor
        A scalar.
    """
    return tf.reduce_mean(nan_mse(targets, outputs))


class DeprecatedMethods:
    """Methods that `Simulator` had in earlier releases, all deprecated."""

    def soft_reset(
        self: Any, include_trainable: bool = False, include_probes: bool = False
    ) -> None:
        """Use `Simulator.reset`.

        Parameters
        ----------
        include_trainable, include_probes : bool
            As for `Simulator.reset`.
        """
        warn_deprecated(
            "Simulator.soft_reset",
            f"Simulator.reset(include_trainable={include_trainable}, "
            f"include_probes={include_probes})",
        )
        self.reset(include_trainable=include_trainable, include_probes=include_probes)

    def train(
        self: Any,
        data: Mapping[Any, Any],
        optimizer: Any,
        n_epochs: int = 1,
        objective: Any = None,
        shuffle: bool = True,
    ) -> None:
        """Use `Simulator.compile` and `Simulator.fit`.

        Parameters
        ----------
        data : dict of {nengo.Node or nengo.Probe: ndarray}
            Inputs and targets, each of shape ``(batch_size, n_steps, size)``.
        optimizer : keras.optimizers.Optimizer
            Optimizer.
        n_epochs : int
            How often the data is gone through.
        objective : dict of {nengo.Probe: callable} or callable, optional
            Objectives, which take outputs and targets, in this order; by default `mse`.
        shuffle : bool
            Whether the samples are shuffled before every epoch.
        """
        warn_deprecated(
            "Simulator.train",
            "Simulator.compile(optimizer, loss=...) and "
            "Simulator.fit(inputs, targets, epochs=...)",
        )
        inputs, targets = _split(data)
        self.compile(optimizer, loss=_losses(objective, targets))
        self.fit(inputs, targets, epochs=n_epochs, shuffle=shuffle, verbose=0)

    def loss(self: Any, data: Mapping[Any, Any], objective: Any = None) -> float:
        """Use `Simulator.compile` and `Simulator.evaluate`.

        Parameters
        ----------
        data, objective
            As for `train`.

        Returns
        -------
        loss : float
            The sum of the objectives.
        """
        warn_deprecated(
            "Simulator.loss",
            "Simulator.compile(loss=...) and Simulator.evaluate(inputs, targets)",
        )
        inputs, targets = _split(data)
        self.compile(loss=_losses(objective, targets))
        return float(self.evaluate(inputs, targets)["loss"])


def _split(data: Mapping[Any, Any]) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Separate the targets of Probes from the inputs of Nodes."""
    if not isinstance(data, Mapping):
        raise ValidationError(
            f"must be a dictionary of Nodes and Probes to arrays, not {type(data)}",
            attr="data",
        )
    targets = {obj: x for obj, x in data.items() if isinstance(obj, nengo.Probe)}
    return {obj: x for obj, x in data.items() if obj not in targets}, targets


def _losses(objective: Any, targets: Mapping[Any, Any]) -> dict[Any, Any]:
    """Losses of Keras for objectives."""
    if not isinstance(objective, Mapping):
        objective = dict.fromkeys(targets, mse if objective is None else objective)
    return {probe: swapped(function) for probe, function in objective.items()}


def swapped(objective: Any) -> Any:
    """Make a loss of an objective.

    Parameters
    ----------
    objective : callable or object
        Takes outputs and targets; or something else that is a loss already.

    Returns
    -------
    loss : callable or object
        Takes targets and outputs, in the order in which Keras gives them.
    """
    if not callable(objective):
        return objective

    @wraps(objective, updated=())
    def loss(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        return objective(y_pred, y_true)

    return loss
