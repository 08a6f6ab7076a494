"""The operators that simplifications introduce, run by Nengo itself."""

import nengo
import numpy as np
import pytest
from nengo.builder.operator import DotInc, ElementwiseInc, Reset, SparseDotInc
from nengo.builder.signal import Signal
from nengo.builder.transforms import ConvInc, ConvTransposeInc
from nengo.transforms import SparseMatrix

from nengo_dl_optimizer import (
    ConvSet,
    ConvTransposeSet,
    DotSet,
    ElementwiseSet,
    ResetInc,
    SparseDotSet,
)
from plain_execution import run_plainly

RNG = np.random.RandomState(0)
CONV = nengo.Convolution(2, (4, 1), kernel_size=(2,), strides=(1,))
CONV_TRANSPOSE = nengo.ConvolutionTranspose(1, (2, 2), kernel_size=(2,), strides=(1,))


def signal(*shape):
    return Signal(RNG.uniform(-1, 1, shape))


def sparse():
    return Signal(SparseMatrix([(0, 1), (2, 0)], [0.5, -1.5], (3, 2)))


PAIRS = {
    "elementwise": (ElementwiseSet, ElementwiseInc, (signal(), signal(3)), 3, ()),
    "dot": (DotSet, DotInc, (signal(3, 2), signal(2)), 3, ()),
    "scalar dot": (DotSet, DotInc, (signal(1, 2), signal(2)), 1, ()),
    "sparse": (SparseDotSet, SparseDotInc, (sparse(), signal(2)), 3, ()),
    "conv": (ConvSet, ConvInc, (signal(2, 1, 2), signal(4)), 6, (CONV,)),
    "transpose": (
        ConvTransposeSet,
        ConvTransposeInc,
        (signal(2, 2, 1), signal(4)),
        CONV_TRANSPOSE.output_shape.size,
        (CONV_TRANSPOSE,),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_setting_is_resetting_and_incrementing(name):
    set_type, inc_type, factors, size, extra = PAIRS[name]
    y, expected = signal(size), signal(size)
    setter = set_type(*factors, y, *extra, tag="tag")
    increment = inc_type(*factors, expected, *extra)
    assert (setter.sets, setter.incs, setter.updates) == ([y], [], [])
    assert setter.reads == increment.reads
    assert setter.Y is y
    assert setter.tag == "tag"
    for found, wanted in run_plainly(
        [setter, Reset(expected), increment], [y, expected], 3
    ):
        np.testing.assert_array_equal(found, wanted)


def test_reset_inc_adds_its_value():
    y = Signal(np.array([1.0, 2.0]))
    op = ResetInc(y, value=0.5)
    assert (op.sets, op.incs, op.dst) == ([], [y], y)
    assert [values[0].tolist() for values in run_plainly([op], [y], 2)] == [
        [1.5, 2.5],
        [2.0, 3.0],
    ]


def test_they_describe_themselves_like_nengos_own():
    a, x, y = signal(3, 2), signal(2), signal(3)
    assert str(DotSet(a, x, y, tag="weights")).startswith("DotSet{")
    assert "DotSet 'weights'" in repr(DotSet(a, x, y, tag="weights"))


def test_an_invalid_product_is_refused():
    with pytest.raises(nengo.exceptions.BuildError):
        DotSet(signal(3, 2), signal(3), signal(3))
