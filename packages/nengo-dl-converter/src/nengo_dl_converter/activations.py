"""The mapping from the activations of a model to those of the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import keras
from nengo.neurons import NeuronType

from .activation_functions import (
    Activation,
    ClippedReLU,
    WithArguments,
    canonical,
    native,
)


class ActivationMap:
    """Maps the activations of a model to what computes them in the network.

    Parameters
    ----------
    swaps : dict
        Activations (functions or neuron types) and what to use instead of them. They
        are looked up before and after `native`. A function stands for every form of it
        in a model: as a function of Keras or TensorFlow, as a layer, as an operation,
        with any arguments, and as the neuron type that computes it.
    others : dict
        More of them, from the canonical forms of functions, which nobody asked for.
    """

    def __init__(
        self,
        swaps: Mapping[Activation, Activation] | None = None,
        others: Mapping[Any, Activation] = MappingProxyType({}),
    ) -> None:
        self._names = _checked({} if swaps is None else swaps)
        asked_for = {canonical(old): new for old, new in self._names.items()}
        self._swaps = {**others, **asked_for}
        self._met: set[Any] = set()
        by_type = {
            native(old): new for old, new in self._swaps.items() if _has_type(old)
        }
        self._default_swaps = by_type | self._swaps

    def __getitem__(self, activation: Any) -> Activation:
        """Return what stands for an activation; a function if no neurons compute it."""
        names = [canonical(activation)]
        family = getattr(names[0], "function", None)
        # ReLU with a maximum is made of ReLUs, and is none itself.
        if isinstance(names[0], WithArguments) and family is not keras.activations.relu:
            names.append(family)
        self._met.update(names)
        asked_for = [name for name in names if name in self._swaps]
        name = canonical(self._swaps[asked_for[0]]) if asked_for else names[0]
        found = native(name)
        self._met.add(found)
        # What was swapped by its own name is not swapped back by its type.
        swaps = self._swaps if asked_for else self._default_swaps
        found = native(canonical(swaps.get(found, found)))
        if isinstance(found, ClippedReLU):
            return replace(found, rectifier=self[found.rectifier])
        return found

    def unused(self) -> list[Activation]:
        """Return the activations that were to be swapped, but have not been met."""
        return [
            name
            for name in self._names
            if canonical(name) not in self._met
            and not (
                _has_type(canonical(name)) and native(canonical(name)) in self._met
            )
        ]


def _has_type(activation: Activation) -> bool:
    """Tell whether neurons compute an activation function that is not linear."""
    return isinstance(native(activation), NeuronType | ClippedReLU)


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
