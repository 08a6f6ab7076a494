"""What NengoDL 0.x called the ways to build a simulation, as ways to today's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import nengo
import tensorflow as tf
from nengo.builder import Model
from nengo.builder.signal import Signal

from nengo_dl_core.deprecated import swapped, warn_deprecated
from nengo_dl_core.network.inputs import evaluate
from nengo_dl_core.network.trainability import mark_signals as current_mark_signals

if TYPE_CHECKING:
    from nengo_dl_core.training.tensor_graph import TensorGraph


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
        warn_deprecated("step_blocks", "unroll_simulation, or leave it out")
    if isinstance(unroll_simulation, bool):
        warn_deprecated("a boolean unroll_simulation", "the number of steps to unroll")
        return (step_blocks or 1) if unroll_simulation else 1
    return unroll_simulation


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


class FormerNames:
    """Methods that `TensorGraph` had in NengoDL 0.x, all deprecated."""

    def build_step(self: Any) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
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

    def build_loop(self: Any) -> list[tf.Tensor]:
        """Simulate ``unroll`` steps from the present state, which stays as it is.

        Returns
        -------
        probe_tensors : list of tf.Tensor
            Values of each probe, ``(minibatch_size, unroll, size_in)``.
        """
        warn_deprecated(
            "TensorGraph.build_loop", "Simulator.predict_on_batch(n_steps=...)"
        )
        return _simulated(self, self.unroll)

    def build_loss(
        self: Any, objective: Any, targets: Sequence[nengo.Probe]
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
        self: Any,
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
    return {graph.probe_names[probe]: swapped(objective) for probe in targets}


def _simulated(graph: TensorGraph, n_steps: int) -> list[tf.Tensor]:
    """The probes' values, ``(minibatch_size, n_steps, size)``, for the Nodes' own."""
    saved = graph.state()
    first, batch = graph.n_steps + 1, graph.minibatch_size
    values = evaluate(
        graph.node_inputs, range(first, first + n_steps), graph.signals.dt, batch
    )
    inputs: Mapping[str, tf.Tensor] = {
        "n_steps": tf.fill((batch, 1), n_steps),
        **{
            graph.input_names[node]: tf.cast(
                tf.transpose(value, (1, 0, 2)), graph.float_type
            )
            for node, value in values.items()
        },
    }
    outputs = graph(inputs)
    graph.restore(saved)
    return [outputs[graph.probe_names[probe]] for probe in graph.model.probes]
