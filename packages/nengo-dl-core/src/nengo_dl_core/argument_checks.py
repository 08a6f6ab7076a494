"""Checks of arguments that several classes have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from nengo.exceptions import ValidationError


def check_positive_integer(name: str, value: Any) -> None:
    """Check an argument that counts something.

    Parameters
    ----------
    name : str
        Name of the argument.
    value : object
        What is given for it.

    Raises
    ------
    nengo.exceptions.ValidationError
        If the value is no positive integer.
    """
    if not isinstance(value, (int, np.integer)) or value < 1:
        raise ValidationError(f"must be a positive integer, not {value!r}", attr=name)


def check_device(device: str | None) -> None:
    """Check that TensorFlow has a device, which it would silently replace.

    Parameters
    ----------
    device : str or None
        Name of a device, for example ``"/gpu:0"``.

    Raises
    ------
    nengo.exceptions.ValidationError
        If there is no such device.
    """
    if device is None:
        return
    devices = [found.name for found in tf.config.list_logical_devices()]
    if not any(map(_is_device(device), devices)):
        raise ValidationError(
            f"there is no {device!r}, only {', '.join(devices)}", attr="device"
        )


def _is_device(name: str) -> Callable[[str], bool]:
    """Tells which devices a name stands for."""
    try:
        wanted = tf.DeviceSpec.from_string(name)
    except ValueError:
        return lambda _: False

    def matches(device: str) -> bool:
        found = tf.DeviceSpec.from_string(device)
        index = wanted.device_index in (None, found.device_index)
        return bool(found.device_type == wanted.device_type and index)

    return matches
