"""Looks settings up in the configs of networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import nengo
from nengo.base import NengoObject
from nengo.config import Config
from nengo.neurons import NeuronType


def get_setting(
    model: Any, setting: str, default: Any = None, obj: NengoObject | None = None
) -> Any:
    """Look up a setting of a network, or of one object in it.

    Parameters
    ----------
    model : nengo.builder.Model or nengo.Network
        Built model, or the network that it was built from.
    setting : str
        Name of the setting.
    default : object
        What to return if the setting has not been made.
    obj : NengoObject, optional
        Look the setting up for this object, instead of for the whole network.

    Returns
    -------
    value : object
        The value of the setting, or ``default``.
    """
    network = model if isinstance(model, nengo.Network) else model.toplevel
    if network is None:
        return default
    if obj is None:
        value = default_setting(network.config, setting)
    else:
        around = _networks_around(obj, network) or [network]
        value = object_setting(around, setting, obj)
    return default if value is None else value


def object_setting(networks: Sequence[nengo.Network], setting: str, obj: Any) -> Any:
    """Look up the setting that holds for an object; the innermost one counts.

    Looked at are, in this order: the object's own setting; that of its type, and of
    everything, in the config of the network that it is in; that of this network in the
    configs around it; and the same for each network around that one. Of several configs
    the innermost wins. What holds for an ensemble also does for its neurons.

    Parameters
    ----------
    networks : list of nengo.Network
        The networks around the object, from the top-level network to the innermost.
    setting : str
        Name of the setting.
    obj : NengoObject
        The object.

    Returns
    -------
    value : object
        The value of the setting, or None.
    """
    made = _settings_made(networks, setting, obj)
    if setting == "spike_gradient":
        made = (_of_neuron_type(value, obj.neuron_type) for value in made)
    return next((value for value in made if value is not None), None)


def _of_neuron_type(value: Any, neuron_type: NeuronType) -> Any:
    """What a setting says for a neuron type, if it is a dictionary of types."""
    if not isinstance(value, Mapping):
        return value
    return next((value[x] for x in type(neuron_type).__mro__ if x in value), None)


def _settings_made(
    networks: Sequence[nengo.Network], setting: str, obj: Any
) -> Iterator[Any]:
    """Every setting that concerns an object, the one that counts most first."""
    is_part = isinstance(obj, nengo.ensemble.Neurons)
    objects = [obj, obj.ensemble] if is_part else [obj]
    configs = [network.config for network in networks]
    for x in objects:
        yield from (_own(config, x, setting) for config in reversed(configs))
    for depth in reversed(range(len(networks))):
        for kind in (*map(type, objects), nengo.Network):
            yield default_setting(configs[depth], setting, kind)
        around = reversed(configs[: depth + 1])
        yield from (_own(config, networks[depth], setting) for config in around)


def default_setting(config: Config, setting: str, kind: type = nengo.Network) -> Any:
    """Look up the setting for all objects of a type.

    Parameters
    ----------
    config : nengo.Config
        Config of a network.
    setting : str
        Name of the setting.
    kind : type
        Type of the objects.

    Returns
    -------
    value : object
        The value of the setting, or None.
    """
    declared = is_declared(config, kind, setting)
    return getattr(config[kind], setting) if declared else None


def _own(config: Config, obj: Any, setting: str) -> Any:
    """Return the setting that has been made for this very object."""
    made = obj in config.params and is_declared(config, type(obj), setting)
    return getattr(config[obj], setting) if made and setting in config[obj] else None


def enclosed_objects(
    networks: Sequence[nengo.Network],
) -> Iterator[tuple[Sequence[nengo.Network], Any]]:
    """List the ensembles and connections of a network and its subnetworks.

    Parameters
    ----------
    networks : list of nengo.Network
        The network, after those around it.

    Yields
    ------
    networks : list of nengo.Network
        The networks around an object, from the top-level network to the innermost.
    obj : nengo.Ensemble or nengo.Connection
        The object.
    """
    for obj in networks[-1].ensembles + networks[-1].connections:
        yield networks, obj
    for subnet in networks[-1].networks:
        yield from enclosed_objects([*networks, subnet])


def _networks_around(obj: Any, network: nengo.Network) -> list[nengo.Network]:
    """List the networks from this one down to the one that holds an object."""
    owner = obj.ensemble if isinstance(obj, nengo.ensemble.Neurons) else obj
    if any(owner is x for found in network.objects.values() for x in found):
        return [network]
    inner = (_networks_around(obj, subnet) for subnet in network.networks)
    return next(([network, *path] for path in inner if path), [])


def is_declared(config: Config, kind: type, setting: str) -> bool:
    """Tell whether a setting can be made for the objects of a type.

    Parameters
    ----------
    config : nengo.Config
        Config of a network.
    kind : type
        Type of the objects.
    setting : str
        Name of the setting.

    Returns
    -------
    is_declared : bool
        Whether the config has such a parameter.
    """
    configured = any(base in config.params for base in kind.__mro__)
    return configured and setting in config[kind].extra_params
