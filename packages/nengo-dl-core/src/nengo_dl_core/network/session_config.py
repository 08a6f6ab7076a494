"""Sets those options of TensorFlow 1 sessions that TensorFlow still has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nengo.exceptions import ConfigError


def _grow_memory(config: Any, value: bool) -> None:
    for gpu in config.list_physical_devices("GPU"):
        config.experimental.set_memory_growth(gpu, value)


# What sets each option, of `tf.config` and the value: loading TensorFlow can wait.
_OPTIONS: dict[str, Callable[[Any, Any], None]] = {
    "allow_soft_placement": lambda config, value: config.set_soft_device_placement(
        value
    ),
    "gpu_options.allow_growth": _grow_memory,
    "inter_op_parallelism_threads": lambda config, value: (
        config.threading.set_inter_op_parallelism_threads(value)
    ),
    "intra_op_parallelism_threads": lambda config, value: (
        config.threading.set_intra_op_parallelism_threads(value)
    ),
}


def check_session_config(options: Mapping[str, Any]) -> None:
    """Refuse options that TensorFlow no longer has.

    Parameters
    ----------
    options : dict of {str: object}
        Values of options by name.

    Raises
    ------
    nengo.exceptions.ConfigError
        If there is no such option.
    """
    for name in options:
        if name not in _OPTIONS:
            raise ConfigError(
                f"session_config: TensorFlow no longer has the option {name!r}; "
                f"there are {', '.join(_OPTIONS)}"
            )


def apply_session_config(options: Mapping[str, Any]) -> None:
    """Set options of the TensorFlow runtime, for the whole process.

    Parameters
    ----------
    options : dict of {str: object}
        Values of options by name.

    Raises
    ------
    nengo.exceptions.ConfigError
        If an option can only be set before TensorFlow has been used.
    """
    from tensorflow import config

    check_session_config(options)
    for name, value in options.items():
        try:
            _OPTIONS[name](config, value)
        except RuntimeError as error:
            raise ConfigError(
                f"session_config: {name!r} can only be set before TensorFlow is first "
                f"used in a process ({error})"
            ) from error
