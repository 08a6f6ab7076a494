"""Settings of the simulator, kept in the configs of networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import nengo
import numpy as np
from nengo.config import Config
from nengo.exceptions import ConfigError, NetworkContextError, ValidationError
from nengo.neurons import NeuronType
from nengo.params import Parameter

from nengo_dl_core.network.compilation_cache import use_compilation_cache
from nengo_dl_core.network.lookup import default_setting, is_declared
from nengo_dl_core.network.session_config import check_session_config
from nengo_dl_core.quantization import Quantization

# The gradients of spikes that have names: that of the rates, and those of
# `nengo_dl_core.surrogates`, which needs TensorFlow.
SPIKE_GRADIENTS = (
    "rates",
    "fast_sigmoid",
    "sigmoid",
    "arctan",
    "triangle",
    "gaussian",
    "multi_gaussian",
    "straight_through",
)

# The kinds of objects that a setting can be given for, besides networks. All other
# settings are those of the whole simulation.
_PER_OBJECT: dict[str, tuple[type, ...]] = {
    "trainable": (nengo.Ensemble, nengo.Connection, nengo.ensemble.Neurons),
    "keep_history": (nengo.Probe,),
    "firing_rate_scale": (nengo.Ensemble,),
    "spike_gradient": (nengo.Ensemble,),
    "quantization": (nengo.Ensemble, nengo.Connection),
}


def _optional_bool(value: Any) -> bool:
    return value is None or isinstance(value, (bool, np.bool_))


def _boolean(value: Any) -> bool:
    return isinstance(value, (bool, np.bool_))


def _positive(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and value > 0)


def _function(value: Any) -> bool:
    return value is None or callable(value)


def _spike_gradient(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(
            isinstance(key, type)
            and issubclass(key, NeuronType)
            and not isinstance(gradient, Mapping)
            and _spike_gradient(gradient)
            for key, gradient in value.items()
        )
    if isinstance(value, str):
        return value in SPIKE_GRADIENTS
    if value is None or value is False:
        return True
    if not callable(value) or isinstance(value, type):
        return False
    from nengo_dl_core.network.spike_gradients import check_surrogate

    check_surrogate(value)
    return True


def _quantization(value: Any) -> bool:
    if value is None or value is False or isinstance(value, Quantization):
        return True
    is_number = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return is_number and 2 <= value <= 16


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
        _spike_gradient,
        ", ".join(f'"{name}"' for name in SPIKE_GRADIENTS)
        + ", a function of the distance from the threshold, False or None, or a "
        "dictionary of these by neuron types (classes)",
    ),
    "quantization": (
        _quantization,
        "a number of bits from 2 to 16, a Quantization, False or None",
    ),
    "dtype": (
        lambda value: _dtype_name(value) in ("float16", "float32", "float64"),
        '"float16", "float32" or "float64"',
    ),
    "product_dtype": (
        lambda value: value is None or _dtype_name(value) == "bfloat16",
        '"bfloat16" or None',
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
    "compilation_cache": (
        lambda value: value is None or isinstance(value, (str, PathLike)),
        "a folder or None",
    ),
    "gradient_checkpoints": (
        lambda value: value == "auto" or _boolean(value),
        '"auto", True or False',
    ),
}

# How values are kept where there are several ways to give them.
_KEPT_AS: dict[str, Callable[[Any], Any]] = {
    "compilation_cache": lambda value: str(Path(value).expanduser().absolute()),
    "dtype": _dtype_name,
    "product_dtype": _dtype_name,
}


def configure_settings(**kwargs: Any) -> None:
    """Change settings of the simulator for the network that is being defined.

    Call it within the context of a network. Each call changes the settings that it
    names and leaves the others as they are. ``trainable``, ``keep_history``,
    ``spike_gradient``, ``quantization`` and ``firing_rate_scale`` hold for the network
    in whose context they are set, and for the networks in it that do not say otherwise.
    All other settings are those of the whole simulation, and belong to the top-level
    network.

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
    spike_gradient : str or callable or False or dict
        Let spiking neurons spike in training, as they do otherwise, with this gradient:
        ``"rates"`` is that of the rate equations, which neurons without a threshold
        have in any case; the names, objects and functions of
        `nengo_dl_core.surrogates` take the place of the derivative of a spike, through
        time. With False, the default, the rate equations take the place of the neurons.
        A dictionary says it for neuron types, ``{nengo.LIF: "sigmoid"}``; the nearest
        base class of a type counts. None, and types that are not in the dictionary,
        leave it to the networks around this one. Can also be set for one ensemble with
        ``net.config[ens].spike_gradient``, for all of them, and for a subnetwork, as
        ``trainable``; the innermost setting wins.
    quantization : int or Quantization or False
        Give weights so many bits, inputs, biases and voltages those of a
        `Quantization`, in training and in simulations, which are then in float64. Can
        also be set for an ensemble, whose biases and voltages it is, for a connection,
        for all of them, and for a subnetwork, as ``trainable``; the innermost setting
        wins. False leaves an object out.
    dtype : str or tf.DType
        Floating point type, ``"float16"``, ``"float32"`` or ``"float64"``. By default
        it is ``"float32"``, or ``"float16"`` if `nengo.rc` asks for 16 bits.
    product_dtype : str or tf.DType
        ``"bfloat16"`` rounds weights and what they multiply to bfloat16, in products
        with matrices of 4,096 or more weights and in their gradients; sums are in
        float32. Weights that online learning rules change, convolutions and sparse
        matrices stay in float32, and so does what runs in NumPy because it calls Python
        in every step. Needs ``dtype="float32"``.
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
        Whether to compile the simulation with XLA. ``"auto"`` compiles every model that
        can be, as soon as that takes no longer than the steps that have been asked for
        would take in NumPy, which runs them until then; training is always compiled.
        True compiles before the first step, and warns if the model cannot be.
    compilation_cache : path or None
        Folder in which to keep what XLA compiles for CPUs, so that the next process
        that runs the same network need not compile it again. It holds for the whole
        process from this call on, and must be set before TensorFlow is first used.
        Versions of TensorFlow, and kinds of processors, have folders of their own in
        it. By default nothing is kept.
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
        If a setting is unknown; if it is one of the whole simulation, and the network
        is part of another that does not say the same; or if it comes too late.
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
        _check(name, value)
    check_session_config(kwargs.get("session_config") or {})

    values = {
        name: value if value is None else _KEPT_AS.get(name, lambda x: x)(value)
        for name, value in kwargs.items()
    }
    top, *subnetworks = nengo.Network.context
    if subnetworks:
        _refuse_elsewhere(
            subnetworks[-1],
            {
                name: value
                for name, value in values.items()
                if name not in _PER_OBJECT
                and default_setting(top.config, name) != value
            },
        )
    use_compilation_cache(values.get("compilation_cache"))
    for name, value in values.items():
        for kind in (nengo.Network, *_PER_OBJECT.get(name, ())):
            for network in nengo.Network.context:
                _declare(network.config, kind, name)
            # biases follow their ensembles, unless it is set what holds for them
            of_ensemble = kind is nengo.ensemble.Neurons
            own = None if of_ensemble else value
            setattr(nengo.Network.context[-1].config[kind], name, own)


def _check(name: str, value: Any) -> None:
    """Raise an error if a setting does not accept a value."""
    accepts, words = _ACCEPTED[name]
    if not accepts(value):
        raise ValidationError(f"must be {words}, not {value!r}", attr=name)


class _Setting(Parameter):
    """A setting of an object, which is checked when it is made."""

    def coerce(self, instance: Any, value: Any) -> Any:
        if value is not None:
            _check(self.name, value)
        return super().coerce(instance, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickled network needs Nengo alone, so it has one of Nengo's parameters."""
        return Parameter, (self.name, self.default, self.optional)


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
            and not is_declared(network.config, nengo.Network, name)
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
        parameter = _Setting(name, default=None, optional=True)
        config[kind].set_param(name, parameter)


def declare_trainable(network: nengo.Network) -> None:
    """Let ``network.config[obj].trainable`` be set, and change no setting.

    Parameters
    ----------
    network : nengo.Network
        The network.
    """
    for kind in (nengo.Network, *_PER_OBJECT["trainable"]):
        _declare(network.config, kind, "trainable")
