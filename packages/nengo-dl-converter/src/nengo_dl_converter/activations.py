"""From Keras activation functions to Nengo neuron types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import keras
import nengo
import tensorflow as tf
from nengo.neurons import NeuronType

import nengo_dl_core


@dataclass(frozen=True)
class ClippedReLU:
    r"""A rectified line with a maximum, as the difference of two rectified lines.

    .. math:: f(x) = \max(x, 0) - \max(x - m, 0) - s \max(-x, 0)

    Parameters
    ----------
    max_value : float
        The maximum, :math:`m`.
    negative_slope : float
        Slope for inputs below zero, :math:`s`.
    rectifier : NeuronType or callable or None
        What computes the rectified lines.
    """

    max_value: float
    negative_slope: float = 0.0
    rectifier: Any = keras.activations.relu


Activation: TypeAlias = Callable[..., Any] | NeuronType | ClippedReLU | None

# With tau_ref=1 the neuron types are the functions themselves, with a peak of 1.
NATIVE: Mapping[Activation, NeuronType | ClippedReLU | None] = {
    keras.activations.leaky_relu: nengo_dl_core.LeakyReLU(negative_slope=0.2),
    keras.activations.linear: None,
    keras.activations.relu: nengo.RectifiedLinear(),
    keras.activations.relu6: ClippedReLU(6.0),
    keras.activations.sigmoid: nengo.Sigmoid(tau_ref=1),
    keras.activations.tanh: nengo.Tanh(tau_ref=1),
    tf.identity: None,
    tf.nn.leaky_relu: nengo_dl_core.LeakyReLU(negative_slope=0.2),
    tf.nn.relu: nengo.RectifiedLinear(),
    tf.nn.sigmoid: nengo.Sigmoid(tau_ref=1),
    tf.nn.relu6: ClippedReLU(6.0),
    tf.nn.tanh: nengo.Tanh(tau_ref=1),
}


class ActivationMap:
    """What stands for an activation in the Nengo network.

    Parameters
    ----------
    swaps : dict
        Activations (functions or neuron types) and what to use instead of them. They
        are looked up before and after `NATIVE`. A function that has a neuron type in
        `NATIVE` also stands for that type, so that ``{tf.nn.relu: ...}`` finds every
        ReLU, however the model spells it.
    """

    def __init__(self, swaps: Mapping[Activation, Activation] | None = None) -> None:
        self._swaps = _checked({} if swaps is None else swaps)
        self._met: set[Activation] = set()
        by_type = {NATIVE.get(old): new for old, new in self._swaps.items()}
        by_type.pop(None, None)
        self._default_swaps = by_type | self._swaps

    def __getitem__(self, activation: Activation) -> Activation:
        """Return what stands for an activation; a function if no neurons compute it."""
        self._met.add(activation)
        asked_for = activation in self._swaps
        activation = self._swaps.get(activation, activation)
        activation = NATIVE.get(activation, activation)
        self._met.add(activation)
        # What was swapped by its own name is not swapped back by its type.
        swaps = self._swaps if asked_for else self._default_swaps
        activation = swaps.get(activation, activation)
        activation = NATIVE.get(activation, activation)
        if isinstance(activation, ClippedReLU):
            return replace(activation, rectifier=self[activation.rectifier])
        return activation

    def unused(self) -> list[Activation]:
        """Return the activations that were to be swapped, but have not been met."""
        return [
            old
            for old in self._swaps
            if old not in self._met and NATIVE.get(old) not in self._met - {None}
        ]


def _checked(swaps: Mapping[Activation, Activation]) -> dict[Activation, Activation]:
    """Check that activations are swapped for activations."""
    if not isinstance(swaps, Mapping):
        raise TypeError(f"swap_activations must be a dictionary, not {swaps!r}")
    for item in (*swaps, *swaps.values()):
        known = isinstance(item, (NeuronType, ClippedReLU)) or item is None
        if not known and (isinstance(item, type) or not callable(item)):
            raise TypeError(
                "swap_activations must be from and to functions or instances of neuron "
                f"types, not {item!r}"
            )
    return dict(swaps)
