"""A mapping from Keras layers and tensors."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class KerasTensorDict(UserDict[Any, Any]):
    """Maps Keras layers and symbolic tensors to objects in the converted network.

    A list or dict of keys, such as the ``model.output`` of a model with several
    outputs, gives the list or dict of their values. A layer that is called several
    times has the list of the values for its calls.

    Parameters
    ----------
    same : mapping of {keras.KerasTensor: list of keras.KerasTensor}, optional
        Other keys, each with the keys that it stands for. They are found, but not
        iterated over. Keras has several tensors for the output of a layer that is part
        of several models, or of a Sequential model that was made layer by layer.
    """

    def __init__(self, same: Mapping[Any, list[Any]] = MappingProxyType({})) -> None:
        super().__init__()
        self._same = same

    def __contains__(self, key: object) -> bool:
        return key in self.data or self.data.keys() >= {*self._same.get(key, [None])}

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, (list, tuple)):
            return [self[item] for item in key]
        if isinstance(key, dict):
            return {name: self[item] for name, item in key.items()}
        if key not in self:
            names = [known.name for known in self]
            raise KeyError(
                f"{key!r} is no key: these are Keras tensors and layers themselves, "
                f"here those with the names {names}"
            )
        if key in self.data:
            return self.data[key]
        values = [self.data[same] for same in self._same[key]]
        return values[0] if len(values) == 1 else values
