"""The table of layer types and the classes that convert them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import keras

from .keras_graph import is_graph
from .layer_converter import LayerConverter

Converts = TypeVar("Converts", bound=type[LayerConverter])


class Registry:
    """Which `LayerConverter` converts which type of layer.

    A type is looked up exactly: a subclass may compute something else than its base.
    """

    def __init__(self) -> None:
        self._types: dict[type, type[LayerConverter]] = {}

    def register(self, *keras_layers: type) -> Callable[[Converts], Converts]:
        """Decorate the `LayerConverter` class that converts these types of layers.

        A type that is registered again is converted by the newer class.
        """

        def decorate(converts: Converts) -> Converts:
            for keras_layer in keras_layers:
                self._types[keras_layer] = converts
            return converts

        return decorate

    def get(self, layer: Any) -> type[LayerConverter] | None:
        """Return the class that converts ``layer``, or None.

        Models have types of many names: those that are graphs of layers are converted
        as `keras.Model`.
        """
        default = self._types.get(keras.Model) if is_graph(layer) else None
        return self._types.get(type(layer), default)


registry = Registry()
