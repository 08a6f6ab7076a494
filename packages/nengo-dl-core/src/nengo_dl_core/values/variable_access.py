"""Reads and assigns variables quickly, outside of TensorFlow's graphs.

The methods of TensorFlow's and Keras' variables take 0.1 ms each, several times as long
as what they call in the end, and longer than a step of a small network.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

Array = npt.NDArray[Any]

# Bytes at whose multiples the memory of TensorFlow's tensors begins.
_ALIGNMENT = 64


def read(variable: tf.Variable | keras.Variable) -> Array:
    """Read a variable that is not distributed.

    Parameters
    ----------
    variable : tf.Variable or keras.Variable
        The variable.

    Returns
    -------
    value : ndarray
        Its value, not to be written to.
    """
    variable = _tensorflow(variable)
    return tf.raw_ops.ReadVariableOp(
        resource=variable.handle, dtype=variable.dtype
    ).numpy()


def array_of(tensor: tf.Tensor) -> Array:
    """Take the values of a tensor without a copy.

    Parameters
    ----------
    tensor : tf.Tensor
        A tensor that has been computed.

    Returns
    -------
    values : ndarray
        Its values, not to be written to.
    """
    return np.asarray(memoryview(tensor))


def tensor_of(array: Array) -> tf.Tensor:
    """Copy an array into a tensor.

    TensorFlow itself copies it twice unless it happens to begin where TensorFlow's own
    tensors may, and takes longer for a large one than for many a step of a training.

    Parameters
    ----------
    array : ndarray
        The array.

    Returns
    -------
    tensor : tf.Tensor
        Its values, in memory of its own.
    """
    if array.dtype.kind != "f" or not array.size:
        return tf.constant(array)
    copied = aligned(array.shape, array.dtype.newbyteorder("="))
    np.copyto(copied, array)
    return tf.experimental.dlpack.from_dlpack(copied.__dlpack__())


def aligned(shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """Make an array whose memory a tensor can share.

    Parameters
    ----------
    shape : tuple of int
        Its shape.
    dtype : dtype
        Its type.

    Returns
    -------
    array : ndarray
        The array, whose values are whatever lies in memory.
    """
    n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(n_bytes + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + n_bytes].view(dtype).reshape(shape)


def assign(
    variable: tf.Variable | keras.Variable, value: Array, copy: bool = True
) -> None:
    """Change the value of a variable that is not distributed.

    Parameters
    ----------
    variable : tf.Variable or keras.Variable
        The variable.
    value : ndarray
        New value, of the variable's shape and type.
    copy : bool
        Whether the array is copied. If not, nobody else may ever write to it, since the
        variable shares the memory of one that is `aligned`.
    """
    tf.raw_ops.AssignVariableOp(
        resource=_tensorflow(variable).handle,
        value=tf.constant(value) if copy else value,
    )


def _tensorflow(variable: tf.Variable | keras.Variable) -> tf.Variable:
    return variable.value if isinstance(variable, keras.Variable) else variable
