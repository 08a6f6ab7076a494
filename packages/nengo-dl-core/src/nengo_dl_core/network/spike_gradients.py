"""Finds the gradients with which spiking neurons are trained."""

from __future__ import annotations

from collections.abc import Mapping

import nengo
import tensorflow as tf
from nengo.builder import Model
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import Operator
from nengo.builder.signal import Signal
from nengo.exceptions import ValidationError

from nengo_dl_core.network.lookup import enclosed_objects, object_setting
from nengo_dl_core.surrogates import SURROGATES, Surrogate
from nengo_dl_optimizer import OperatorGraph

SpikeGradient = Surrogate | str
"""A surrogate, or ``"rates"`` for the derivative of the rates."""


def spike_gradients(
    model: Model, graph: OperatorGraph
) -> Mapping[Operator, SpikeGradient]:
    """Look up how the neurons of each operator are trained.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.
    graph : OperatorGraph
        Its operators, simplified or not.

    Returns
    -------
    gradients : dict of {nengo.builder.neurons.SimNeurons: callable or str}
        Operators whose neurons spike in training; of those that are not in it rates
        take the place of spikes.
    """
    if model.toplevel is None:
        return {}
    gradients: dict[tuple[Signal, int], SpikeGradient] = {}
    for networks, obj in enclosed_objects([model.toplevel]):
        if isinstance(obj, nengo.Ensemble):
            value = object_setting(networks, "spike_gradient", obj)
            output = model.sig[obj.neurons].get("out")
            if isinstance(value, str):
                value = SURROGATES.get(value, value)
            if output is not None and value is not None and value is not False:
                gradients[_place(graph.current(output))] = value
    operators = [op for op in graph if type(op) is SimNeurons]
    return {
        op: gradients[_place(op.output)]
        for op in operators
        if _place(op.output) in gradients
    }


def check_surrogate(surrogate: Surrogate) -> None:
    """Check that a function can be a surrogate gradient.

    Parameters
    ----------
    surrogate : callable
        Is called with symbols, so that nothing is computed.

    Raises
    ------
    nengo.exceptions.ValidationError
        If it cannot be called with a tensor, or does not return one of the same shape
        and type.
    """
    with tf.Graph().as_default():
        x = tf.compat.v1.placeholder(tf.float32, (2, 3))
        try:
            derivative = tf.convert_to_tensor(surrogate(x))
        except Exception as error:
            raise ValidationError(
                f"{surrogate!r} could not be called with a tensor of distances from "
                f"the threshold, or did not return a tensor: {error}",
                attr="spike_gradient",
            ) from error
    if derivative.shape != x.shape or derivative.dtype != x.dtype:
        raise ValidationError(
            f"{surrogate!r} returned {derivative.dtype.name} of shape "
            f"{tuple(derivative.shape)} for distances from the threshold that are "
            f"{x.dtype.name} of shape {tuple(x.shape)}; derivatives must have the same "
            "type and shape",
            attr="spike_gradient",
        )


def _place(signal: Signal) -> tuple[Signal, int]:
    return signal.base, signal.elemoffset
