"""Settings of the simulator, kept in the configs of networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import nengo
import numpy as np
from nengo.base import NengoObject
from nengo.config import Config
from nengo.exceptions import ConfigError, NetworkContextError, ValidationError
from nengo.params import Parameter

from nengo_dl_core.network.session_config import check_session_config
from nengo_dl_core.surrogates import SURROGATES

# The kinds of objects that a setting can be given for, besides networks. All other
# settings are those of the whole simulation.
_PER_OBJECT: dict[str, tuple[type, ...]] = {
    "trainable": (nengo.Ensemble, nengo.Connection, nengo.ensemble.Neurons),
    "keep_history": (nengo.Probe,),
    "firing_rate_scale": (nengo.Ensemble,),
}


def _optional_bool(value: Any) -> bool:
    return value is None or isinstance(value, (bool, np.bool_))


def _boolean(value: Any) -> bool:
    return isinstance(value, (bool, np.bool_))


def _positive(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and value > 0)


def _function(value: Any) -> bool:
    return value is None or callable(value)


def _dtype_name(value: Any) -> Any:
    """Turn any way to give a floating point type into its name."""
    return getattr(value, "name", None) or getattr(value, "__name__", value)


# What each setting accepts, as a predicate and in words.
_ACCEPTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "trainable": (_optional_bool, "True, False or None"),
    "keep_history": (_boolean, "True or False"),
    "firing_rate_scale": (_positive, "a positive number or None"),
    "planner": (_function, "a planner of nengo_dl_optimizer or a function like one"),
    "sorter": (_function, "a sorter of nengo_dl_optimizer or a function like one"),
    "simplifications": (
        lambda value: value is None or all(callable(item) for item in value),
        "a list of simplifications (functions of operators)",
    ),
    "inference_only": (_boolean, "True or False"),
    "lif_smoothing": (_positive, "a positive number or None"),
    "spike_gradient": (
        lambda value: value in (None, "rates", *SURROGATES),
        ", ".join(["None", *(f'"{name}"' for name in ("rates", *SURROGATES))]),
    ),
    "dtype": (
        lambda value: _dtype_name(value) in ("float16", "float32", "float64"),
        '"float16", "float32" or "float64"',
    ),
    "stateful": (_boolean, "True or False"),
    "use_loop": (_boolean, "True or False"),
    "learning_phase": (_optional_bool, "True, False or None"),
    "session_config": (
        lambda value: value is None or isinstance(value, Mapping),
        "a dictionary of options",
    ),
    "check_finite": (_boolean, "True or False"),
    "jit_compile": (
        lambda value: value == "auto" or _boolean(value),
        '"auto", True or False',
    ),
    "gradient_checkpoints": (
        lambda value: value == "auto" or _boolean(value),
        '"auto", True or False',
    ),
}


def configure_settings(**kwargs: Any) -> None:
    """Change settings of the simulator for the network that is being defined.

    Call it within the context of a network. Each call changes the settings that it
    names and leaves the others as they are. ``trainable`` and ``keep_history`` hold for
    the network in whose context they are set, and for the networks in it that do not
    say otherwise. All other settings are those of the whole simulation, and belong to
    the top-level network.

    Parameters
    ----------
    trainable : bool or None
        Whether `Simulator.fit` optimises the parameters of ensembles and connections;
        None leaves it to the networks around this one, and to the defaults. Afterwards
        ``net.config[obj].trainable`` can be set for an object, a type of objects or a
        subnetwork; the innermost setting wins.
    planner : callable
        Graph planner of `nengo_dl_optimizer`.
    sorter : callable
        Signal sorter of `nengo_dl_optimizer`.
    simplifications : list of callable
        Graph simplifications of `nengo_dl_optimizer`, in the order of their use.
    inference_only : bool
        Promise that the network is never trained, so that nothing is built for it.
    lif_smoothing : float
        Train LIF neurons through `SoftLIFRate` with this ``sigma``.
    spike_gradient : str
        Let spiking neurons spike in training, as they do otherwise, with this gradient:
        ``"rates"`` is that of the rate equations; ``"fast_sigmoid"``, ``"arctan"`` and
        ``"triangle"`` are surrogates for the derivative of a spike, through time (see
        `nengo_dl_core.surrogates`). By default the rate equations take
        the place of the neurons.
    dtype : str or tf.DType
        Floating point type, ``"float16"``, ``"float32"`` or ``"float64"``. By default
        it is ``"float32"``, or ``"float16"`` if `nengo.rc` asks for 16 bits.
    keep_history : bool
        Whether probes keep the values of all steps, or of the last one only; can also
        be set for one probe with ``net.config[probe].keep_history``.
    firing_rate_scale : float
        The factor by which the gain and the bias of an ensemble have been multiplied,
        and the amplitude of its neuron type divided. It scales nothing by itself: it
        says which part of these values is a scale, so that biases are trained, saved
        and loaded without it. Usually set for one ensemble with
        ``net.config[ens].firing_rate_scale``.
    stateful : bool
        Whether the state at the end of a run is kept for the next one.
    use_loop : bool
        Run steps in a loop. Without it a run has exactly ``unroll_simulation`` steps.
    learning_phase : bool or None
        Always (True) or never (False) run in training mode; None decides by the method
        that is called.
    session_config : dict of {str: object}
        Options of the TensorFlow runtime, set for the whole process when the simulator
        is built: ``"gpu_options.allow_growth"``, ``"allow_soft_placement"``,
        ``"inter_op_parallelism_threads"``, ``"intra_op_parallelism_threads"``.
    jit_compile : "auto" or bool
        Whether to compile the simulation loop with XLA. ``"auto"`` compiles every
        model that can be; True warns if the model cannot be.
    gradient_checkpoints : "auto" or bool
        Whether training keeps the state of some steps only, about the square root of
        their number, and computes the others again for the gradient. That takes less
        memory and more time. ``"auto"`` does so where the states of all steps would
        take more than half a gibibyte.
    check_finite : bool
        Stop a run at the first value that is NaN or infinite, with an error that names
        the object and the step. The loop is then not compiled, and slow.

    Raises
    ------
    nengo.exceptions.ConfigError
        If a setting is unknown; or if it is one of the whole simulation, and the
        network is part of another that does not say the same.
    nengo.exceptions.ValidationError
        If a value is not what the setting accepts.
    nengo.exceptions.NetworkContextError
        If there is no network context.

    Examples
    --------
    >>> import nengo, nengo_dl_core
    >>> with nengo.Network() as net:
    ...     nengo_dl_core.configure_settings(dtype="float64", trainable=False)
    ...     ensemble = nengo.Ensemble(10, 1)
    ...     net.config[ensemble].trainable = True
    """
    if not nengo.Network.context:
        raise NetworkContextError(
            'configure_settings must be called within a network ("with net:")'
        )
    for name, value in kwargs.items():
        if name not in _ACCEPTED:
            raise ConfigError(
                f"{name!r} is no setting; there are {', '.join(sorted(_ACCEPTED))}"
            )
        accepts, words = _ACCEPTED[name]
        if not accepts(value):
            raise ValidationError(f"must be {words}, not {value!r}", attr=name)
    check_session_config(kwargs.get("session_config") or {})

    values = {
        name: _dtype_name(value) if name == "dtype" else value
        for name, value in kwargs.items()
    }
    top, *subnetworks = nengo.Network.context
    if subnetworks:
        _refuse_elsewhere(
            subnetworks[-1],
            {
                name: value
                for name, value in values.items()
                if name not in _PER_OBJECT and _default(top.config, name) != value
            },
        )
    for name, value in values.items():
        for kind in (nengo.Network, *_PER_OBJECT.get(name, ())):
            for network in nengo.Network.context:
                _declare(network.config, kind, name)
            # biases follow their ensembles, unless it is set what holds for them
            of_ensemble = kind is nengo.ensemble.Neurons
            own = None if of_ensemble else value
            setattr(nengo.Network.context[-1].config[kind], name, own)


def check_subnetworks(network: nengo.Network) -> None:
    """Check that subnetworks do not make settings that only the top level can make.

    Networks that have been made on their own, and have then become parts of another
    one, may bring settings of a whole simulation.

    Parameters
    ----------
    network : nengo.Network
        The top-level network, which decides: what it sets counts.

    Raises
    ------
    nengo.exceptions.ConfigError
        If a subnetwork has a setting of which the top-level network says nothing.
    """
    for subnet in network.all_networks:
        if nengo.Network not in subnet.config.params:
            continue
        brought = {
            name: getattr(subnet.config[nengo.Network], name)
            for name in subnet.config[nengo.Network].extra_params
            if name in _ACCEPTED
            and name not in _PER_OBJECT
            and not _is_declared(network.config, nengo.Network, name)
        }
        _refuse_elsewhere(subnet, {k: x for k, x in brought.items() if x is not None})


def _refuse_elsewhere(subnet: nengo.Network, settings: Mapping[str, Any]) -> None:
    """Raise an error about settings of a whole simulation, if there are any."""
    if settings:
        line = ", ".join(f"{k}={_written(x)}" for k, x in settings.items())
        raise ConfigError(
            f"{subnet} sets {', '.join(settings)}, for the whole simulation, but is "
            "part of another network. Write in the context of the top-level network "
            f"(with net:) nengo_dl.configure_settings({line})"
        )


def _written(value: Any) -> str:
    """Write a value as it would stand in Python code, for a message."""
    return getattr(value, "__name__", None) or repr(value)


def _declare(config: Config, kind: type, name: str) -> None:
    """Give a type of objects the parameter ``name``, if it has none."""
    if kind not in config.params:
        config.configures(kind)
    if name not in config[kind].extra_params:
        parameter = Parameter(name, default=None, optional=True)
        config[kind].set_param(name, parameter)


def _is_declared(config: Config, kind: type, name: str) -> bool:
    """Whether a type of objects has the parameter ``name``."""
    configured = any(base in config.params for base in kind.__mro__)
    return configured and name in config[kind].extra_params


def declare_trainable(network: nengo.Network) -> None:
    """Let ``network.config[obj].trainable`` be set, and change no setting.

    Parameters
    ----------
    network : nengo.Network
        The network.
    """
    for kind in (nengo.Network, *_PER_OBJECT["trainable"]):
        _declare(network.config, kind, "trainable")


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
        value = _default(network.config, setting)
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
    made = (value for value in _settings_made(networks, setting, obj))
    return next((value for value in made if value is not None), None)


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
            yield _default(configs[depth], setting, kind)
        around = reversed(configs[: depth + 1])
        yield from (_own(config, networks[depth], setting) for config in around)


def _default(config: Config, setting: str, kind: type = nengo.Network) -> Any:
    """Return the setting for all objects of a type."""
    declared = _is_declared(config, kind, setting)
    return getattr(config[kind], setting) if declared else None


def _own(config: Config, obj: Any, setting: str) -> Any:
    """Return the setting that has been made for this very object."""
    made = obj in config.params and _is_declared(config, type(obj), setting)
    return getattr(config[obj], setting) if made and setting in config[obj] else None


def _networks_around(obj: Any, network: nengo.Network) -> list[nengo.Network]:
    """List the networks from this one down to the one that holds an object."""
    owner = obj.ensemble if isinstance(obj, nengo.ensemble.Neurons) else obj
    if any(owner is x for found in network.objects.values() for x in found):
        return [network]
    inner = (_networks_around(obj, subnet) for subnet in network.networks)
    return next(([network, *path] for path in inner if path), [])
