"""Tensors and arrays that share memory, or do not."""

import numpy as np
import pytest
import tensorflow as tf

from nengo_dl_core.values.variable_access import tensor_of

ARRAYS = {
    "float32": np.arange(6, dtype=np.float32).reshape((2, 3)),
    "float64": np.arange(6.0).reshape((2, 3)),
    "float16": np.arange(3, dtype=np.float16),
    "other byte order": np.arange(3, dtype=np.dtype(np.float32).newbyteorder("S")),
    "integers": np.arange(6).reshape((2, 3)),
    "booleans": np.array([True, False]),
    "number": np.array(2.5),
    "empty": np.zeros((2, 0, 3)),
    "transposed": np.arange(6.0).reshape((2, 3)).T,
    "part": np.arange(20.0).reshape((4, 5))[1:3, ::2],
    "repeated": np.broadcast_to(np.arange(3.0), (2, 3)),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_an_array_becomes_a_tensor(array):
    tensor = tensor_of(array)
    assert tensor.dtype.name == array.dtype.name
    assert tensor.shape == array.shape
    np.testing.assert_array_equal(tensor, array)


def test_a_tensor_has_memory_of_its_own():
    array = np.zeros((100, 3), np.float32)
    tensor = tensor_of(array)
    array[:] = 1
    assert not np.any(tensor)
    del array
    np.testing.assert_array_equal(tf.linalg.matmul(tensor, tf.ones((3, 2))), 0)
