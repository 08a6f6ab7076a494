"""Which signals of a model are parameters that can be trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import nengo
from nengo.builder import Model
from nengo.builder.signal import Signal
from nengo.connection import LearningRule

from nengo_dl_core.network.lookup import enclosed_objects, object_setting


def mark_signals(model: Model) -> dict[Signal, bool | None]:
    """Decide which signals `Simulator.fit` optimises.

    The parameters of a model are connection weights, delays, encoders and biases.
    Those that an online learning rule modifies are left to the rule. What else holds
    for an object is the setting ``trainable``, see `object_setting`, and True if there
    is none.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.

    Returns
    -------
    marks : dict of {nengo.builder.Signal: bool or None}
        True if the signal is trained, False if it could be but is switched off, None if
        a learning rule owns it. Signals without entry are no parameters.
    """
    network = model.toplevel
    if network is None:
        return {}
    marks: dict[Signal, bool | None] = {}
    for networks, obj in enclosed_objects([network]):
        if isinstance(obj, nengo.Connection):
            for name in ("weights", "delays"):
                if model.sig[obj].get(name) is not None:
                    marks[model.sig[obj][name].base] = _trainable(networks, obj)
        elif not isinstance(obj.neuron_type, nengo.Direct):
            marks[model.sig[obj]["encoders"]] = _trainable(networks, obj)
            marks[model.sig[obj.neurons]["bias"]] = _trainable(networks, obj.neurons)
    for conn in network.all_connections:
        for signal in _learned(model, conn):
            marks[signal] = None
    return marks


def _trainable(networks: Sequence[nengo.Network], obj: Any) -> bool:
    """Whether an object is trained, as far as settings say."""
    setting = object_setting(networks, "trainable", obj)
    return True if setting is None else bool(setting)


def learning_rules(conn: nengo.Connection) -> dict[str, LearningRule]:
    """Find the learning rules of a connection.

    Parameters
    ----------
    conn : nengo.Connection
        The connection.

    Returns
    -------
    rules : dict of {str: nengo.connection.LearningRule}
        The rules, by the attribute of the connection under which each is found, such
        as ``"learning_rule"`` or ``"learning_rule[0]"``.
    """
    rules = conn.learning_rule
    if rules is None:
        return {}
    if isinstance(rules, list):
        rules = dict(enumerate(rules))
    if isinstance(rules, dict):
        return {f"learning_rule[{key}]": rule for key, rule in rules.items()}
    return {"learning_rule": rules}


def _learned(model: Model, conn: nengo.Connection) -> list[Signal]:
    """Find the signals that the learning rules of a connection modify."""
    signals = []
    for rule in learning_rules(conn).values():
        if rule.learning_rule_type.modifies == "encoders":
            signals.append(model.sig[conn.post_obj]["encoders"])
        elif model.sig[conn].get("weights") is not None:
            signals.append(model.sig[conn]["weights"].base)
    return signals
