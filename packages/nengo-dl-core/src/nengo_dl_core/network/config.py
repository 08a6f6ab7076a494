"""Settings of the simulator, kept in the config of the top-level network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import nengo
import numpy as np
from nengo.base import NengoObject
from nengo.config import Config, SupportDefaultsMixin
from nengo.exceptions import ConfigError, NetworkContextError, ValidationError
from nengo.params import Parameter

from nengo_dl_core.network.session_config import check_session_config
from nengo_dl_core.surrogates import SURROGATES

# The kinds of objects that a setting can be given for, besides the network.
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
    """The name of a floating point type that TensorFlow, NumPy or a user spells."""
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
}


def configure_settings(**kwargs: Any) -> None:
    """Change settings of the simulator for the network that is being defined.

    Call it within the context of the top-level network. Each call changes the settings
    that it names and leaves the others as they are.

    Parameters
    ----------
    trainable : bool or None
        Whether `Simulator.fit` optimises the parameters of ensembles and connections;
        None leaves it to the defaults. Afterwards ``net.config[obj].trainable`` can be
        set for an object, a type of objects or a subnetwork.
    planner : callable
        Graph planner of `nengo_dl_optimizer`.
    sorter : callable
        Signal sorter of `nengo_dl_optimizer`.
    simplifications : list of callable
        Graph simplifications of `nengo_dl_optimizer`, in the order of their use.
    inference_only : bool
        The network is never trained.
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
        By what the input of neurons is multiplied and their output divided, as the
        gain, the bias and the amplitude of the neuron type of an ensemble already say.
        Usually set for one ensemble with ``net.config[ens].firing_rate_scale``. Biases
        are trained, saved and loaded without it.
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
    check_finite : bool
        Stop a run at the first value that is NaN or infinite, with an error that names
        the object and the step. The loop is then not compiled, and slow.

    Raises
    ------
    nengo.exceptions.ConfigError
        If a setting is unknown.
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

    config = nengo.Network.context[0].config
    for name, value in kwargs.items():
        if name == "dtype":
            value = _dtype_name(value)
        for kind in (nengo.Network, *_PER_OBJECT.get(name, ())):
            _define(config, kind, name, value)


def _define(config: Config, kind: type, name: str, value: Any) -> None:
    """Give a type of objects the parameter ``name`` with a default."""
    if kind not in config.params:
        config.configures(kind)
    params = config[kind]
    if name not in params.extra_params:
        params.set_param(name, Parameter(name, default=None, optional=True))
    setattr(params, name, value)


def get_setting(
    model: Any, setting: str, default: Any = None, obj: NengoObject | None = None
) -> Any:
    """Look a setting up.

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
    kind = nengo.Network if obj is None else type(obj)
    config = network.config
    if kind not in config.params or setting not in config[kind].extra_params:
        return default
    source: SupportDefaultsMixin = config[kind] if obj is None else config[obj]
    value = getattr(source, setting)
    return default if value is None else value
