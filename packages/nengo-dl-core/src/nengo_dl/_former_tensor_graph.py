"""What `TensorGraph` was in NengoDL 0.x, in terms of what took its place."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import Any

import keras
import nengo
import tensorflow as tf
from nengo.builder import Model
from nengo.builder.signal import Signal

from nengo_dl_core.deprecation import warn_deprecated
from nengo_dl_core.network.trainability import mark_signals as current_mark_signals
from nengo_dl_core.program.program import Program, make_program
from nengo_dl_core.progress import ProgressBar
from nengo_dl_core.training.samples import inputs_of
from nengo_dl_core.training.simulation_layer import SimulationLayer
from nengo_dl_core.values.session import Session


def mark_signals(model: Model) -> dict[Signal, bool | None]:
    """Decide which signals are trained; deprecated.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.

    Returns
    -------
    marks : dict of {nengo.builder.Signal: bool or None}
        As `TensorGraph.mark_signals` returns them.
    """
    warn_deprecated("nengo_dl.tensor_graph.mark_signals", "TensorGraph.mark_signals")
    return current_mark_signals(model)


class TensorGraph(SimulationLayer):
    """The simulation as a Keras layer, with methods of release 0.x.

    Parameters
    ----------
    model : nengo.builder.Model or Program
        Built model; or its program, if there is one already.
    dt : float, optional
        Length of a step, in seconds; that of the model.
    unroll_simulation : int
        How many steps are built into one round of the simulation loop.
    minibatch_size : int
        Number of inputs that are simulated at once.
    device : str, optional
        TensorFlow device to compute on; None leaves it to TensorFlow.
    progress : ProgressBar, optional
        Not used.
    seed : int
        Seed of the simulation's random numbers.
    """

    def __init__(
        self,
        model: Model | Program,
        dt: float | None = None,
        unroll_simulation: int = 1,
        minibatch_size: int = 1,
        device: str | None = None,
        progress: ProgressBar | None = None,
        seed: int = 0,
    ) -> None:
        is_planned = isinstance(model, Program)
        program = (
            model
            if isinstance(model, Program)
            else make_program(
                model,
                unroll=unroll_simulation,
                minibatch_size=minibatch_size,
                device=device,
            )
        )
        super().__init__(program)
        self._seed = None if is_planned else seed

    @property
    def model(self) -> Model:
        """The built model; its ``probes`` are in the order of the outputs."""
        return self.program.model

    def build(self, input_shape: Any = None) -> None:
        """Create the variables; see `SimulationLayer.build`."""
        super().build(input_shape)
        if self._seed is not None:
            self.session = Session(self.program, self.held, self._seed, {})

    def create_signals(self, sigs: Sequence[Signal]) -> None:
        """Represent signals as rows of blocks, as all signals of the model are already.

        Parameters
        ----------
        sigs : list of nengo.builder.Signal
            Base signals.
        """
        for sig in sigs:
            self.program.memory.tensor_signal(sig)

    def build_step(self) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """Simulate one step from the present state, which stays as it is.

        Returns
        -------
        probe_tensors : list of tf.Tensor
            Value of each probe, ``(minibatch_size, size_in)``.
        side_effects : list of tf.Tensor
            Empty: TensorFlow sees to side effects by itself today.
        """
        warn_deprecated(
            "TensorGraph.build_step", "Simulator.predict_on_batch(n_steps=1)"
        )
        return [value[:, 0] for value in _simulated(self, 1)], []

    def build_loop(self) -> list[tf.Tensor]:
        """Simulate ``unroll`` steps from the present state, which stays as it is.

        Returns
        -------
        probe_tensors : list of tf.Tensor
            Values of each probe, ``(minibatch_size, unroll, size_in)``.
        """
        warn_deprecated(
            "TensorGraph.build_loop", "Simulator.predict_on_batch(n_steps=...)"
        )
        return _simulated(self, self.program.unroll)

    def build_loss(
        self, objective: Any, targets: Sequence[nengo.Probe]
    ) -> dict[str, Any]:
        """Make the losses that Keras trains by.

        Parameters
        ----------
        objective : str or callable
            ``"mse"``, another of Keras' losses, or a function of a probe's values and
            of their targets, in this order.
        targets : sequence of nengo.Probe
            The probes.

        Returns
        -------
        loss : dict of {str: object}
            The argument ``loss`` of `Simulator.compile`.
        """
        warn_deprecated("TensorGraph.build_loss", "Simulator.compile(loss=...)")
        return _losses(self, objective, targets)

    def build_optimizer(
        self,
        optimizer: keras.optimizers.Optimizer,
        targets: Sequence[nengo.Probe],
        objective: Any,
    ) -> dict[str, Any]:
        """Make the arguments of `Simulator.compile`.

        Parameters
        ----------
        optimizer : keras.optimizers.Optimizer
            The optimizer.
        targets : sequence of nengo.Probe
            The probes.
        objective : str or callable
            As for `build_loss`.

        Returns
        -------
        arguments : dict
            ``optimizer`` and ``loss``.
        """
        warn_deprecated(
            "TensorGraph.build_optimizer", "Simulator.compile(optimizer=...)"
        )
        return {"optimizer": optimizer, "loss": _losses(self, objective, targets)}


def _losses(
    graph: TensorGraph, objective: Any, targets: Sequence[nengo.Probe]
) -> dict[str, Any]:
    names = graph.program.probe_names
    return {names[probe]: swapped(objective) for probe in targets}


def _simulated(graph: TensorGraph, n_steps: int) -> list[tf.Tensor]:
    """The probes' values, ``(minibatch_size, n_steps, size)``, for the Nodes' own."""
    with graph.borrowed(keep=False):
        inputs = inputs_of(graph.session, None, n_steps).inputs
        outputs = graph({name: tf.constant(x) for name, x in inputs.items()})
    return [outputs[name] for name in graph.program.probe_names.values()]


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
