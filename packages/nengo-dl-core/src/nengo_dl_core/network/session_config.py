"""Sets those options of TensorFlow 1 sessions that TensorFlow still has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
from nengo.exceptions import ConfigError


def _grow_memory(value: bool) -> None:
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, value)


_threading = tf.config.threading

_OPTIONS: dict[str, Callable[[Any], None]] = {
    "allow_soft_placement": tf.config.set_soft_device_placement,
    "gpu_options.allow_growth": _grow_memory,
    "inter_op_parallelism_threads": _threading.set_inter_op_parallelism_threads,
    "intra_op_parallelism_threads": _threading.set_intra_op_parallelism_threads,
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
    check_session_config(options)
    for name, value in options.items():
        try:
            _OPTIONS[name](value)
        except RuntimeError as error:
            raise ConfigError(
                f"session_config: {name!r} can only be set before TensorFlow is first "
                f"used in a process ({error})"
            ) from error
