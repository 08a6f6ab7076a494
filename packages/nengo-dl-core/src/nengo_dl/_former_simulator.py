"""What `Simulator` had in earlier releases, in terms of what took its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nengo
import numpy.typing as npt
import tensorflow as tf
from nengo.builder import Model
from nengo.exceptions import ValidationError

import nengo_dl_core
from nengo_dl._former_tensor_graph import TensorGraph, swapped
from nengo_dl_core.deprecation import warn_deprecated
from nengo_dl_core.losses import nan_mse
from nengo_dl_core.program.program import Program
from nengo_dl_core.training.simulation_layer import SimulationLayer


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


class FormerMethods(nengo_dl_core.Simulator):
    """Takes arguments and has methods that are deprecated.

    Parameters
    ----------
    *args, **kwargs
        As for `nengo_dl_core.Simulator`. ``unroll_simulation`` may be a bool, as it was
        in release 0.x.
    step_blocks : int, optional
        How many steps release 0.x ran at once. Runs may have any number of steps today.
    """

    def __init__(
        self,
        network: nengo.Network | None,
        dt: float = 0.001,
        seed: int | None = None,
        model: Model | None = None,
        device: str | None = None,
        unroll_simulation: int | bool = 1,
        minibatch_size: int | None = None,
        progress_bar: bool | nengo.utils.progress.ProgressBar = True,
        optimize: bool = True,
        step_blocks: int | None = None,
    ) -> None:
        super().__init__(
            network,
            dt,
            seed,
            model,
            device,
            unrolled_steps(unroll_simulation, step_blocks),
            minibatch_size,
            progress_bar,
            optimize,
        )

    @staticmethod
    def _make_layer(program: Program) -> SimulationLayer:
        return TensorGraph(program)

    def save_params(
        self,
        path: str,
        include_state: bool = False,
        include_non_trainable: bool | None = None,
    ) -> None:
        """Save the parameters; see `nengo_dl_core.Simulator.save_params`.

        Parameters
        ----------
        path, include_state
            See there.
        include_non_trainable : bool, optional
            Deprecated name of ``include_state``.
        """
        super().save_params(path, _renamed(include_state, include_non_trainable))

    def load_params(
        self,
        path: str,
        include_state: bool = False,
        include_non_trainable: bool | None = None,
    ) -> None:
        """Load parameters; see `nengo_dl_core.Simulator.load_params`.

        Parameters
        ----------
        path, include_state
            See there.
        include_non_trainable : bool, optional
            Deprecated name of ``include_state``.
        """
        super().load_params(path, _renamed(include_state, include_non_trainable))

    def trange(
        self, sample_every: float | None = None, dt: float | None = None
    ) -> npt.NDArray[Any]:
        """Simulation times of what probes recorded; see `nengo_dl_core.Simulator`.

        Parameters
        ----------
        sample_every : float, optional
            See there.
        dt : float, optional
            Deprecated name of ``sample_every``.
        """
        if dt is not None:
            if sample_every is not None:
                raise ValidationError(
                    "give sample_every or dt, which is its old name, not both", "dt"
                )
            warn_deprecated("dt", "sample_every")
            sample_every = dt
        return super().trange(sample_every)

    def soft_reset(
        self, include_trainable: bool = False, include_probes: bool = False
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
        self,
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

    def loss(self, data: Mapping[Any, Any], objective: Any = None) -> float:
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


def unrolled_steps(unroll_simulation: Any, step_blocks: int | None) -> Any:
    """How many steps are built into one round of the loop.

    Parameters
    ----------
    unroll_simulation : int or bool
        The number; or, in 0.x, whether all of ``step_blocks`` steps are.
    step_blocks : int or None
        In 0.x, how many steps ran at once. Runs may have any number of steps today.

    Returns
    -------
    unroll : int
        The number of steps.
    """
    if step_blocks is not None:
        warn_deprecated("step_blocks", "unroll_simulation, or leave it out", 5)
    if isinstance(unroll_simulation, bool):
        warn_deprecated(
            "a boolean unroll_simulation", "the number of steps to unroll", 5
        )
        return (step_blocks or 1) if unroll_simulation else 1
    return unroll_simulation


def _renamed(include_state: bool, include_non_trainable: bool | None) -> bool:
    """The value of an argument that used to have another name."""
    if include_non_trainable is None:
        return include_state
    warn_deprecated("include_non_trainable", "include_state", stacklevel=4)
    return include_non_trainable


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
