"""Finds gains of neurons that are signals of their own, not part of encoders."""

from __future__ import annotations

from typing import Any

import nengo
from nengo.builder import Model
from nengo.builder.learning_rules import SimVoja
from nengo.builder.operator import ElementwiseInc, Operator
from nengo.builder.signal import Signal
from nengo.ensemble import Neurons


def gain_signals(model: Model) -> dict[nengo.Ensemble, list[tuple[Signal, Any]]]:
    """Find the signals that hold the gains of neurons.

    For a connection to an ensemble the gain is part of the scaled encoders. What
    reaches the neurons by a connection to ``ens.neurons`` is multiplied by the gain in
    every step, and for this the model has signals.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.

    Returns
    -------
    signals : dict of {nengo.Ensemble: list of (nengo.builder.Signal, slice)}
        For each ensemble whose neurons have connections the signals of gains, and the
        neurons that each of them is about.
    """
    products: dict[Signal, list[Operator]] = {}
    for op in model.operators:
        if type(op) is ElementwiseInc:
            products.setdefault(op.X, []).append(op)
    found: dict[nengo.Ensemble, list[tuple[Signal, Any]]] = {}
    for conn in model.params:  # in the order in which their operators were made
        if isinstance(conn, nengo.Connection) and isinstance(conn.post_obj, Neurons):
            made = products.get(model.sig[conn]["weighted"])
            if made:
                gains = found.setdefault(conn.post_obj.ensemble, [])
                gains.append((made.pop(0).A, conn.post_slice))
    return found


def scaled_by_gain(model: Model) -> set[Signal]:
    """Find encoders that are learned at a rate that depends on the gain.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.

    Returns
    -------
    encoders : set of nengo.builder.Signal
        Those that a `nengo.Voja` rule learns.
    """
    return {op.scaled_encoders for op in model.operators if isinstance(op, SimVoja)}
