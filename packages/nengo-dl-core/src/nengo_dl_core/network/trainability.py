"""Which signals of a model are parameters that can be trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nengo
from nengo.builder import Model
from nengo.builder.signal import Signal
from nengo.config import Config
from nengo.connection import LearningRule
from nengo.exceptions import ConfigError


def mark_signals(model: Model) -> dict[Signal, bool | None]:
    """Decide which signals `Simulator.fit` optimises.

    The parameters of a model are connection weights, encoders and biases. Those that an
    online learning rule modifies are left to the rule. What holds for an object is, in
    this order, its own ``trainable`` setting, that of the innermost subnetwork around
    it that has one, that of its type, and else True.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.

    Returns
    -------
    marks : dict of {nengo.builder.Signal: bool or None}
        True if the signal is trained, False if it could be but is switched off, None if
        a learning rule owns it. Signals without entry are no parameters.

    Raises
    ------
    nengo.exceptions.ConfigError
        If ``trainable`` is set in the config of a subnetwork, where it has no effect.
    """
    network = model.toplevel
    if network is None:
        return {}
    marks: dict[Signal, bool | None] = {}
    for obj, trainable in _settings(network, network.config, None):
        if isinstance(obj, nengo.Connection):
            if model.sig[obj].get("weights") is not None:
                marks[model.sig[obj]["weights"].base] = trainable
        elif not isinstance(obj.neuron_type, nengo.Direct):
            marks[model.sig[obj]["encoders"]] = trainable
            own = _setting(network.config, obj.neurons, None)
            marks[model.sig[obj.neurons]["bias"]] = trainable if own is None else own
    for conn in network.all_connections:
        for signal in _learned(model, conn):
            marks[signal] = None
    return marks


def _settings(
    network: nengo.Network, config: Config, inherited: bool | None
) -> Iterator[tuple[Any, bool]]:
    """Every ensemble and connection, with the setting that holds for it."""
    for obj in network.ensembles + network.connections:
        setting = _setting(config, obj, inherited)
        yield obj, True if setting is None else setting
    for subnet in network.networks:
        for kind, params in subnet.config.params.items():
            if isinstance(kind, type) and "trainable" in params.extra_params:
                raise ConfigError(
                    f"trainable is set in the config of {subnet}, where it has no "
                    "effect; set it in the config of the top-level network"
                )
        yield from _settings(
            subnet, config, _instance_setting(config, subnet, inherited)
        )


def _setting(config: Config, obj: Any, inherited: bool | None) -> bool | None:
    """The setting of an object: its own, else the inherited one, else its type's."""
    if not _configured(config, type(obj)):
        return inherited
    setting = _instance_setting(config, obj, inherited)
    return config[type(obj)].trainable if setting is None else setting


def _instance_setting(config: Config, obj: Any, default: bool | None) -> bool | None:
    """The setting made for this very object, else the default."""
    kind = nengo.Network if isinstance(obj, nengo.Network) else type(obj)
    if not _configured(config, kind) or "trainable" not in config[obj]:
        return default
    own: bool | None = config[obj].trainable
    return default if own is None else own


def _configured(config: Config, kind: type) -> bool:
    return kind in config.params and "trainable" in config[kind].extra_params


def learning_rules(conn: nengo.Connection) -> dict[str, LearningRule]:
    """Find the learning rules of a connection.

    Parameters
    ----------
    conn : nengo.Connection
        The connection.

    Returns
    -------
    rules : dict of {str: nengo.connection.LearningRule}
        By the expression that gives each of them as an attribute of the connection.
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
    """The signals that the learning rules of a connection modify."""
    signals = []
    for rule in learning_rules(conn).values():
        if rule.learning_rule_type.modifies == "encoders":
            signals.append(model.sig[conn.post_obj]["encoders"])
        elif model.sig[conn].get("weights") is not None:
            signals.append(model.sig[conn]["weights"].base)
    return signals
