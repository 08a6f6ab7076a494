"""The choice of the class that converts a layer."""

from __future__ import annotations

import warnings
from typing import Any

from .conversion import Conversion
from .errors import ConversionError
from .layer_converter import LayerConverter
from .layers.fallback import ConvertFallback
from .registry import registry


def choose_class(
    layer: Any, conversion: Conversion, in_time: bool, n_sharing: int
) -> type[LayerConverter]:
    """Choose the class that converts a layer.

    Parameters
    ----------
    layer : keras.Layer
        The layer.
    conversion : Conversion
        What it is converted for.
    in_time : bool
        Whether it works on each step of a temporal model.
    n_sharing : int
        How many calls of the layer would have to share its weights.

    Returns
    -------
    kind : type
        The registered class, or, with a warning, `ConvertFallback`.

    Raises
    ------
    ConversionError
        If the layer has no native form and must have one.
    """
    kind = registry.get(layer)
    if kind is None:
        obstacle = f"there is no converter for {type(layer).__name__} layers"
    elif kind.needs_time and not in_time:
        obstacle = "the model is not converted as a temporal_model"
    elif not kind.convertible(layer, conversion):
        obstacle = kind.obstacle(layer, conversion) or f"{kind.__name__} declines it"
    elif kind.has_weights and n_sharing > 1:
        obstacle = (
            f"its weights are shared by {n_sharing} calls, and neither "
            "split_shared_weights nor inference_only is set"
        )
    else:
        return kind
    remembers = in_time and kind is not None and kind.has_memory
    if remembers or not conversion.allow_fallback:
        hint = "" if remembers else " (with allow_fallback it becomes a TensorNode)"
        raise ConversionError(
            f"Layer {layer.name!r} has no form as native Nengo objects: "
            f"{obstacle}{hint}"
        )
    warnings.warn(
        f"Layer {layer.name!r} becomes a TensorNode: {obstacle}", stacklevel=2
    )
    return ConvertFallback
