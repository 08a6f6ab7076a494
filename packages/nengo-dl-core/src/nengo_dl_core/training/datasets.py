"""Data that is produced while it is used: datasets, and generators of minibatches."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from nengo.exceptions import ValidationError


def is_dynamic(x: Any) -> bool:
    """Whether data is produced while it is used, so that Keras takes it as it is.

    Parameters
    ----------
    x : object
        What is given as data.

    Returns
    -------
    dynamic : bool
        True for datasets, `keras.utils.PyDataset` and iterators.
    """
    return isinstance(x, (tf.data.Dataset, keras.utils.PyDataset)) or (
        hasattr(x, "__next__")
    )


def refuse_beside_dataset(**arguments: Any) -> None:
    """Refuse what a dataset or generator says itself.

    Parameters
    ----------
    **arguments
        What is given beside it, by the name of the argument; None if nothing is.

    Raises
    ------
    nengo.exceptions.ValidationError
        If something is given.
    """
    for name, value in arguments.items():
        if value is not None:
            raise ValidationError(
                "a dataset or generator gives its own inputs (with the number of "
                f"steps), targets and weights: leave {name} out, or give arrays",
                attr=name,
            )
