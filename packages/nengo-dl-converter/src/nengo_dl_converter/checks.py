"""Checks of what is given to a conversion, before anything is made of it."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import keras

from .activation_functions import canonical
from .errors import ConversionError
from .keras_graph import Call
from .registry import registry


def check_shapes(model: keras.Model, batch_axes: int) -> None:
    """Check that the shapes of a model's inputs are known."""
    for tensor in model.inputs:
        if None in tensor.shape[batch_axes:]:
            raise ConversionError(
                f"Input {tensor.name!r} has shape {tensor.shape}; a network needs to "
                "know the length of every axis but that of the batch (and that of the "
                "steps, with temporal_model=True)"
            )


def check_scales(
    scales: float | Mapping[keras.Layer, float] | None,
    model: keras.Model,
    layers: Container[Any],
) -> None:
    """Check that scales of firing rates are positive, and of layers of the model."""
    if not isinstance(scales, Mapping):
        scales = {} if scales is None else {model: scales}
    for layer, scale in scales.items():
        if layer not in layers and layer is not model:
            raise ValueError(
                f"scale_firing_rates names {layer!r}, which is no layer of "
                f"{model.name!r}; its keys are layers, as get_layer gives them"
            )
        if not scale > 0:
            raise ValueError(f"scale_firing_rates must be positive, not {scale}")


def check_calibration(
    wanted: bool,
    n_steps: int | None,
    needed: Mapping[Any, Any],
    swaps: Mapping[Any, Any],
    **others: Any,
) -> None:
    """Check that what is said of a calibration goes with the rest.

    Parameters
    ----------
    wanted : bool
        Whether there are samples to calibrate with.
    n_steps : int or None
        How many steps to calibrate for.
    needed, swaps : mapping
        Activations that calibration swaps, and those that are swapped anyway.
    **others
        Other arguments of the conversion that have to be False or None.
    """
    if wanted != (n_steps is not None):
        raise ValueError(
            "calibrate and n_steps are given together or not at all: samples, and how "
            "many steps to calibrate for"
        )
    if not wanted:
        return
    if n_steps != int(n_steps or 0) or not n_steps > 0:
        raise ValueError(f"n_steps must be a whole number above 0, not {n_steps!r}")
    for name, value in others.items():
        if value is not None and value is not False:
            raise ValueError(f"calibrate cannot be combined with {name}={value!r}")
    if twice := [name for name in swaps if canonical(name) in needed]:
        raise ValueError(
            f"swap_activations names {twice}, for which calibrate puts its own neurons"
        )


def check_steps(call: Call) -> None:
    """Check that a call computes each step of a temporal model from those before."""
    kind = registry.get(call.layer)
    obstacle = None if kind is None else kind.obstacle_in_time(call)
    n_steps = {tensor.shape[1:2] for tensor in (*call.inputs, *call.outputs)}
    if obstacle or len(n_steps) > 1:
        raise ConversionError(
            f"Layer {call.layer.name!r} {obstacle or 'works across the steps'} of a "
            "temporal model, where a network computes one step after the other"
        )
