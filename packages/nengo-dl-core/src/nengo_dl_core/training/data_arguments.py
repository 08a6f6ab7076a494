"""Values given for Nodes and Probes, in any of the forms that are accepted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import nengo
import numpy as np
import numpy.typing as npt
from nengo.exceptions import ValidationError

Array = npt.NDArray[Any]


def by_object(values: Any, names: Mapping[Any, str], what: str) -> dict[Any, Array]:
    """Map Nodes (or Probes) to the arrays given for them.

    Parameters
    ----------
    values : dict, list or ndarray
        Arrays by object or name; or in the order of the objects; or one array for the
        only, or first, object.
    names : dict of {NengoObject: str}
        The objects that values can be given for, and their names.
    what : str
        Describes the objects in messages, for example ``"input Node"``.

    Returns
    -------
    arrays : dict of {NengoObject: ndarray}
        The arrays.

    Raises
    ------
    nengo.exceptions.ValidationError
        If values are given for something else, for an object twice, or for more
        objects than there are.
    """
    if values is None:
        return {}
    if isinstance(values, Mapping):
        pairs = by_found_object(values, names, what).items()
    else:
        objects = list(names)
        arrays = values if isinstance(values, (list, tuple)) else [values]
        if len(arrays) > len(objects):
            raise ValidationError(
                f"{len(arrays)} arrays were given, in a list, for the {what}s "
                f"{list(names.values())}: a list has one array for each",
                attr="data",
            )
        pairs = dict(zip(objects[: len(arrays)], arrays, strict=True)).items()
    return {obj: _array(x, names[obj]) for obj, x in pairs}


def by_found_object(
    values: Mapping[Any, Any], names: Mapping[Any, str], what: str, attr: str = "data"
) -> dict[Any, Any]:
    """Map objects to what is given for them by objects, names or labels.

    Parameters
    ----------
    values : dict
        Something by object, name or label.
    names, what, attr
        See `look_up`.

    Returns
    -------
    found : dict of {NengoObject: object}
        The same by object.

    Raises
    ------
    nengo.exceptions.ValidationError
        If there is no such object, or if one is given twice.
    """
    found: dict[Any, Any] = {}
    for key, value in values.items():
        obj = look_up(key, names, what, attr)
        if obj in found:
            raise ValidationError(
                f"something is given twice for the {what} {names[obj]!r}, the second "
                f"time as {key!r}",
                attr=attr,
            )
        found[obj] = value
    return found


def look_up(key: Any, names: Mapping[Any, str], what: str, attr: str = "data") -> Any:
    """Find the object that something is given for.

    Parameters
    ----------
    key : NengoObject or str
        The object, its name or its label. A label that several objects have stands
        for the first of them.
    names : dict of {NengoObject: str}
        The objects that values can be given for, and their names.
    what : str
        Describes the objects in messages.
    attr : str
        Name of the argument.

    Returns
    -------
    obj : NengoObject
        The object.

    Raises
    ------
    nengo.exceptions.ValidationError
        If there is none.
    """
    if isinstance(key, str):
        labels = {obj: obj.label for obj in names}
        for keys in (names, labels):
            for obj, name in keys.items():
                if name == key:
                    return obj
    elif key in names:
        return key
    connected = isinstance(key, nengo.Node) and key.size_in > 0
    raise ValidationError(
        f"{key!r} is no {what} of this network; there are {list(names.values())}"
        f"{', and this Node gets its values from connections' * connected}",
        attr=attr,
    )


def _array(values: Any, name: str) -> Array:
    try:
        array = np.asarray(values)
    except ValueError as error:  # lists of different lengths
        raise ValidationError(
            f"the values for {name!r} are no array: {error}", attr="data"
        ) from error
    if array.dtype.kind not in "fiub":
        raise ValidationError(
            f"the values for {name!r} must be numbers, not {array.dtype}", attr="data"
        )
    return array


def check_shapes(
    arrays: Mapping[Any, Array],
    names: Mapping[Any, str],
    batch_size: int | None,
    n_steps: int | None,
    of_classes: Collection[str] = (),
) -> tuple[int | None, int | None]:
    """Check that arrays have the shape ``(batch_size, n_steps, size)``.

    Targets may also be numbers of classes, of shape ``(batch_size, n_steps, 1)``, if
    what they are compared by takes these.

    Parameters
    ----------
    arrays : dict of {NengoObject: ndarray}
        Arrays by Node or Probe.
    names : dict of {NengoObject: str}
        Names of the objects.
    batch_size, n_steps : int or None
        The expected lengths; None if all arrays only have to agree.
    of_classes : collection of str
        Names of the Probes whose targets may be numbers of classes.

    Returns
    -------
    batch_size, n_steps : int or None
        The lengths that the arrays have; None if there are no arrays.

    Raises
    ------
    nengo.exceptions.ValidationError
        If an array has another shape.
    """
    for obj, array in arrays.items():
        size = obj.size_out if isinstance(obj, nengo.Node) else obj.size_in
        may_be_classes = names[obj] in of_classes
        if may_be_classes and array.shape[2:] == (1,):
            size = 1  # numbers of classes
        lengths = array.shape[:2] if array.ndim == 3 else (None, None)
        batch_size = lengths[0] if batch_size is None else batch_size
        n_steps = lengths[1] if n_steps is None else n_steps
        if array.shape != (batch_size, n_steps, size):
            expected = (
                _words(batch_size, "batch_size"),
                _words(n_steps, "n_steps"),
                size,
            )
            raise ValidationError(
                f"the values for {names[obj]!r} have shape {array.shape}, expected "
                f"({', '.join(map(str, expected))}): batch, steps, size"
                f"{_advice(array, isinstance(obj, nengo.Probe), n_steps, size)}",
                attr="data",
            )
    return batch_size, n_steps


def _advice(array: Array, is_target: bool, n_steps: int | None, size: int) -> str:
    """What to do about data that has not three axes, or too small a last one."""
    if is_target and array.shape[2:] == (1,):
        return (
            "; numbers of classes are for losses and metrics that compare classes, "
            "such as keras.losses.SparseCategoricalCrossentropy"
        )
    if array.ndim == 3 or n_steps not in (None, 1):
        return ""
    if is_target and array.dtype.kind in "iu" and size > 1 and array.size == len(array):
        size = 1  # numbers of classes
    return f"; if it is for a single step, reshape it to (-1, 1, {size})"


def _words(length: int | None, name: str) -> int | str:
    return name if length is None else length
