"""A mapping from Keras layers and tensors."""

from __future__ import annotations

from collections import UserDict
from typing import Any


class KerasTensorDict(UserDict[Any, Any]):
    """Maps Keras layers and symbolic tensors to objects in the converted network.

    A list or dict of keys, such as the ``model.output`` of a model with several
    outputs, gives the list or dict of their values. A layer that is called several
    times has the list of the values for its calls.
    """

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, (list, tuple)):
            return [self[item] for item in key]
        if isinstance(key, dict):
            return {name: self[item] for name, item in key.items()}
        return super().__getitem__(key)
