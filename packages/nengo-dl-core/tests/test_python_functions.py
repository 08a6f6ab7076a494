"""Names of functions, and checks of what they return."""

import numpy as np
import pytest
import tensorflow as tf
from nengo.exceptions import SimulationError

from nengo_dl_core.network.functions import (
    align_func,
    function_name,
    sanitize_name,
    vector_func,
)


class Callable:
    def __call__(self):
        return None


def test_names():
    assert sanitize_name("a/b c:d-1.0_é*") == "a/b_c_d-1.0_"
    assert sanitize_name(None) is None
    assert function_name(np.sin) == "sin"
    assert function_name(Callable()) == "Callable"
    assert function_name(lambda: 0, sanitize=False) == "<lambda>"
    assert function_name(lambda: 0) == "lambda"


@pytest.mark.parametrize("dtype", ["float32", np.float32, tf.float32])
def test_aligned_result(dtype):
    result = align_func(dtype)(lambda x: [x, 2])(1)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, [1, 2])


def test_several_aligned_results():
    first, second = align_func(["int64", "float64"])(lambda: (1, [2]))()
    assert (first.dtype, second.dtype) == (np.int64, np.float64)


@pytest.mark.parametrize("value", [None, np.nan, [1, np.inf], "text", [[1], [1, 2]]])
def test_what_is_no_number(value):
    def function():
        return value

    with pytest.raises(SimulationError, match="Function 'function' returned"):
        align_func("float32")(function)()


def test_vectors():
    np.testing.assert_array_equal(vector_func(lambda: 3, 2)(), [3, 3])
    np.testing.assert_array_equal(vector_func(lambda: [[1, 2]], 2)(), [1, 2])
    with pytest.raises(SimulationError, match="returned 3 values, expected 2"):
        vector_func(lambda: [1, 2, 3], 2)()
