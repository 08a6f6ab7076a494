"""Names the functions of Nodes, and checks what they return."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import nengo
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.exceptions import SimulationError

Array = npt.NDArray[Any]


def sanitize_name(name: str | None) -> str | None:
    """Remove the characters from a name that TensorFlow does not allow in it.

    Parameters
    ----------
    name : str or None
        A name.

    Returns
    -------
    sanitized : str or None
        The name with ``_`` for blanks and colons, and without all other characters
        but ``A-Z``, ``a-z``, ``0-9``, ``_``, ``.``, ``-`` and ``/``.

    Examples
    --------
    >>> sanitize_name("my node: x*2")
    'my_node__x2'
    """
    if name is None:
        return None
    return re.sub(r"[^A-Za-z0-9_./-]", "", re.sub(r"[\s:]", "_", name))


def function_name(func: Callable[..., Any], sanitize: bool = True) -> str:
    """Name a callable object.

    Parameters
    ----------
    func : callable
        A function, or an object that can be called.
    sanitize : bool
        Whether to remove characters that TensorFlow does not allow in names.

    Returns
    -------
    name : str
        Name of the function, or of the object's type.
    """
    name: str = nengo.utils.functions.function_name(func)
    return sanitize_name(name) or "" if sanitize else name


def align_func(output_dtype: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a decorator that turns what a function returns into an array.

    Parameters
    ----------
    output_dtype : str or tf.DType or numpy.dtype
        Type of the array; for a function that returns several values, a list of types.

    Returns
    -------
    decorator : callable
        Its functions raise `nengo.exceptions.SimulationError` if a result is None, no
        number, or not finite.

    Examples
    --------
    >>> align_func("float32")(lambda: [1, 2])()
    array([1., 2.], dtype=float32)
    """
    several = isinstance(output_dtype, (list, tuple))
    dtypes = output_dtype if several else [output_dtype]
    dtypes = [tf.as_dtype(dtype).as_numpy_dtype for dtype in dtypes]

    def decorator(func: Callable[..., Any]) -> Callable[..., Any]:
        name = function_name(func, sanitize=False)

        def aligned(*args: Any) -> Any:
            result = func(*args)
            results = result if several else [result]
            arrays = [
                _aligned(name, x, dtype)
                for x, dtype in zip(results, dtypes, strict=True)
            ]
            return arrays if several else arrays[0]

        return aligned

    return decorator


def _aligned(name: str, value: Any, dtype: Any) -> Array:
    """Turn what the function of this name returned into an array."""
    if value is None:
        raise SimulationError(f"Function '{name}' returned None, expected numbers")
    try:
        array = np.asarray(value, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise SimulationError(
            f"Function '{name}' returned a value {value!r} of invalid type "
            f"{type(value).__name__}, expected numbers"
        ) from error
    if not np.isfinite(array).all():
        raise SimulationError(f"Function '{name}' returned non-finite value {value!r}")
    return array


def vector_func(
    func: Callable[..., Any], size: int, owner: Any = None
) -> Callable[..., Array]:
    """Check that the function of a Node returns as many values as the Node has.

    Parameters
    ----------
    func : callable
        The function.
    size : int
        Number of values.
    owner : object, optional
        The Node, which errors then name.

    Returns
    -------
    checked : callable
        Returns arrays of shape ``(size,)``; a single value is repeated, and axes of
        length one before the last are left out. Raises
        `nengo.exceptions.SimulationError` if the function returns anything but numbers,
        a value that is not finite, or an array of another shape.
    """
    aligned = align_func("float64")(func)
    name = function_name(func, sanitize=False)

    def sized(*args: Any) -> Array:
        value, vector = aligned(*args), np.empty(size)
        try:
            vector[...] = value  # by the same rule as in the reference simulator
        except ValueError:
            returned = (
                f"an array of shape {value.shape}"
                if value.ndim > 1
                else f"{value.size} values"
            )
            raise SimulationError(
                f"Function '{name}' returned {returned}, expected {size} values"
            ) from None
        return vector

    def checked(*args: Any) -> Array:
        try:
            return sized(*args)
        except SimulationError as error:
            raise SimulationError(f"{owner}: {error}") from error

    return sized if owner is None else checked
