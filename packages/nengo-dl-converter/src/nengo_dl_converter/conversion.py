"""The part of a conversion that the converters of layers use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import keras

from .activations import ActivationMap
from .populations import Populations
from .tensor_dict import KerasTensorDict


class Conversion(Protocol):
    """A conversion of a Keras model, while it goes on; a `Converter` is one.

    Attributes
    ----------
    allow_fallback : bool
        Whether layers without native form become TensorNodes.
    inference_only : bool
        Whether forms are allowed that equal the Keras model in inference alone.
    max_to_avg_pool : bool
        Whether max pooling becomes average pooling.
    temporal_model : bool
        Whether the first axis after the batch is time.
    activations : ActivationMap
        What stands for the activation functions of the model.
    populations : Populations
        Adds the objects of the network.
    layers : KerasTensorDict
        From the tensors and layers that are converted to their objects.
    """

    allow_fallback: bool
    inference_only: bool
    max_to_avg_pool: bool
    temporal_model: bool
    activations: ActivationMap
    populations: Populations
    layers: KerasTensorDict

    @property
    def counts_spikes(self) -> bool:
        """Whether values are means over several steps, because neurons spike."""
        ...

    def scale_of(self, layer: Any) -> float:
        """Return the scale of the firing rates in a layer."""
        ...

    def convert_call(
        self,
        layer: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] = MappingProxyType({}),
        outputs: Sequence[keras.KerasTensor] | None = None,
        batch_axes: int = 1,
    ) -> tuple[keras.KerasTensor, ...]:
        """Convert a call of a layer; see `Converter.convert_call`."""
        ...
