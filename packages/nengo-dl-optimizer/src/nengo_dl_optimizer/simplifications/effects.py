"""What executing an operator does besides writing its signals."""

from __future__ import annotations

from nengo.builder.learning_rules import SimBCM, SimOja, SimPES, SimRLS, SimVoja
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import (
    BsrDotInc,
    Copy,
    DotInc,
    ElementwiseInc,
    Operator,
    Reset,
    SparseDotInc,
)
from nengo.builder.processes import SimProcess
from nengo.builder.transforms import ConvInc, ConvTransposeInc

from ..operators import (
    ConvSet,
    ConvTransposeSet,
    DotSet,
    ElementwiseSet,
    ResetInc,
    SparseDotSet,
)

# Operators that write their signals, and that is all.
_PURE = frozenset(
    {
        BsrDotInc,
        ConvInc,
        ConvSet,
        ConvTransposeInc,
        ConvTransposeSet,
        Copy,
        DotInc,
        DotSet,
        ElementwiseInc,
        ElementwiseSet,
        Reset,
        ResetInc,
        SimBCM,
        SimOja,
        SimPES,
        SimRLS,
        SimVoja,
        SparseDotInc,
        SparseDotSet,
    }
)


def has_side_effects(op: Operator) -> bool:
    """Whether executing an operator may matter even if nothing reads what it writes.

    A Python function may do anything; neuron types and processes that are not Nengo's
    own run Python code of which nothing is known, as do unknown operators.
    """
    if type(op) is SimNeurons:
        return not _is_nengos(op.neurons)
    if type(op) is SimProcess:
        return not _is_nengos(op.process)
    return type(op) not in _PURE


def _is_nengos(thing: object) -> bool:
    return type(thing).__module__.split(".")[0] == "nengo"
