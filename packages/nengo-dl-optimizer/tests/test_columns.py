"""Functions that are evaluated for all points at once mean the same by it."""

import numpy as np
import pytest

from nengo_dl_optimizer.decoders.columns import on_columns

POINTS = np.random.default_rng(0).uniform(-1, 1, (1000, 3))
HALF, ARRAY = 0.5, np.ones(3)
doubled = np.frompyfunc(lambda x: 2 * x, 1, 1)


def asking_whether_there_is_anything(x):
    product = x[0] * x[1]
    return [product, product - HALF] if x is None else product


def choosing(x):
    y = x[0] * x[1]
    if y < -HALF or not x[2]:
        return 0
    if -0.1 < y < 0.3 and x[2] >= 0:
        y = 2 * y
    elif x[2] != 0.5:
        return [x[2], y, 1]
    return [y if y > 0 else -y, x[0], x[1]]


class Settings:
    """Numbers, as `nengo.networks.BasalGanglia` keeps them."""

    threshold = 0.2
    slope, array = 2, ARRAY

    @classmethod
    def above(cls, x):
        if x[0] < cls.threshold:
            return 0
        return cls.slope * (x[0] - cls.threshold)

    @classmethod
    def of_itself(cls, x):
        return cls.above(x)

    @classmethod
    def of_an_array(cls, x):
        return cls.array * x

    def of_an_instance(self, x):
        return self.slope * x


def of_local_names(x):
    product = x[0] * x[1]
    half = product / 2
    return [half, product - half, x]


def by_number(number):
    return lambda x: number * x + np.pi


CERTAIN = [
    lambda x: x,
    lambda x: -x,
    lambda x: x**2,
    lambda x: 0.5,
    lambda x: x[0] * x[-1],
    lambda x: [x[0] * x[1], np.sin(x[2]), 1, x % 0.3, x[1] // 0.1],
    lambda x: (HALF * x, np.maximum(x[0], x) + np.e),
    lambda x, scale=3: x[1] / scale,
    lambda x: np.exp(np.abs(x)) ** 3,
    np.sin,
    np.square,
    by_number(2),
    of_local_names,
    choosing,
    Settings.above,
    lambda x: x[0] if x[0] > 0 else x[1],
    lambda x: x[0] > x[1],
    lambda x: (x[0] > 0 and x[1]) + (x[0] < 0.5 or x[2]),
    lambda x: [x[0] if x[0] > 2 else 1, not x[1]],
]
UNCERTAIN = [
    lambda x: x[0] ** 2,  # which NumPy rounds otherwise in an array
    lambda x: abs(x),
    lambda x: x / np.linalg.norm(x),
    lambda x: np.dot(x, x),
    lambda x: np.matmul(x, x),
    lambda x: x @ x,
    lambda x: np.add.reduce(x),
    lambda x: np.sum(x),
    lambda x: x.max(),
    lambda x: x[1:],
    lambda x: x[..., 0],
    lambda x: x[None],
    lambda x: [1, 2, 3] * x,
    lambda x: ARRAY * x,
    lambda x: doubled(x),
    lambda x: x + np.random.rand(),  # noqa: NPY002
    lambda x: np.random.shuffle(x),  # noqa: NPY002
    lambda x: [y for y in x],  # noqa: C416
    lambda *x: x[0],
    lambda x, **_: x,
    by_number(ARRAY),
    by_number(True),
    asking_whether_there_is_anything,
    Settings.of_itself,
    Settings.of_an_array,
    Settings().of_an_instance,
    doubled,
    np.matmul,
    np.sum,
    np.poly1d([1, 2]),
]


@pytest.mark.parametrize("function", CERTAIN)
def test_values_are_those_of_point_by_point(function):
    rows = on_columns(function)(POINTS.T)
    values = [function(point) for point in POINTS]
    values = [x if isinstance(x, (list, tuple)) else [x] for x in values]
    size = max(np.hstack(value).size for value in values)
    expected = np.array([np.broadcast_to(np.hstack(x), size) for x in values])
    np.testing.assert_array_equal(np.broadcast_to(rows.T, expected.shape), expected)


def test_a_function_that_cannot_choose_is_told_so():
    """As for a point: the truth of several numbers is ambiguous."""
    with pytest.raises(ValueError, match="reshape"):
        on_columns(lambda x: 0 if x > 2 else x)(POINTS.T)


@pytest.mark.parametrize("function", UNCERTAIN)
def test_what_is_not_certain_to_mean_the_same_is_left_alone(function):
    assert on_columns(function) is None


def test_functions_that_change_what_is_around_them_are_left_alone():
    calls = []
    n_calls = 0

    def keeping(x):
        calls.append(x)
        return x

    def counting(x):
        nonlocal n_calls
        n_calls += 1
        return x

    def overwriting(x):
        x += 1
        return x

    for function in (keeping, counting, overwriting):
        assert on_columns(function) is None
    assert (calls, n_calls) == ([], 0)
