"""Checks of what is given to a conversion, before anything is made of it."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import keras

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
