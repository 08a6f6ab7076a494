"""Which losses and metrics take numbers of classes as targets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import keras

from nengo_dl_core.losses import FiringRates, Regularize

# What Keras makes metrics of classes of, if the targets are numbers of classes.
_BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")


def outputs_of_classes(*measures: Mapping[str, Any] | None) -> frozenset[str]:
    """Find the outputs whose targets may be numbers of classes.

    Parameters
    ----------
    *measures : dict of {str: object}
        Losses, or metrics, or lists of them, by the names of outputs.

    Returns
    -------
    names : frozenset of str
        The outputs that nothing is given for which compares the output's elements with
        as many targets.
    """
    by_name: dict[str, list[Any]] = {}
    for given in measures:
        for name, value in (given or {}).items():
            by_name.setdefault(name, []).extend(_flat(value))
    return frozenset(
        name for name, found in by_name.items() if all(map(_takes_classes, found))
    )


def _flat(measures: Any) -> Iterable[Any]:
    if isinstance(measures, (list, tuple)):
        for measure in measures:
            yield from _flat(measure)
    elif measures is not None:
        yield measures


def _takes_classes(measure: Any) -> bool:
    """Whether a loss or metric takes numbers of classes, or may do so."""
    if isinstance(measure, str):
        if measure in _BY_SHAPE:
            return True
        try:
            measure = keras.losses.get(measure)
        except ValueError:  # only a metric has this name
            measure = keras.metrics.get(measure)
    if isinstance(measure, (Regularize, FiringRates)):
        return True  # their targets are ignored
    compared = getattr(measure, "fn", measure)  # what Keras' classes wrap
    kind = compared if hasattr(compared, "__name__") else type(compared)
    if kind.__module__.split(".")[0] not in ("keras", "nengo_dl_core"):
        return True  # a user's own may do anything
    return "sparse" in kind.__name__.lower() or getattr(measure, "sparse_y_true", False)
