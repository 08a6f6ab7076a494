"""A mapping from Keras layers and tensors."""

from __future__ import annotations

from collections import UserDict
from typing import Any, NoReturn


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

    def __missing__(self, key: Any) -> NoReturn:
        names = [known.name for known in self]
        raise KeyError(
            f"{key!r} is no key: these are Keras tensors and layers themselves, here "
            f"those with the names {names}"
        )
