"""Kernels execute groups of operators on blocks of memory: one family in each file."""

from types import MappingProxyType

from nengo.builder.learning_rules import SimBCM, SimOja, SimPES, SimRLS, SimVoja
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import (
    BsrDotInc,
    Copy,
    DotInc,
    ElementwiseInc,
    Operator,
    Reset,
    SimPyFunc,
    SparseDotInc,
    TimeUpdate,
)
from nengo.builder.probe import SimProbe
from nengo.builder.processes import SimProcess
from nengo.builder.transforms import ConvInc, ConvTransposeInc

from ...operators import (
    ConvSet,
    ConvTransposeSet,
    DotSet,
    ElementwiseSet,
    ResetInc,
    SparseDotSet,
)
from . import learning
from .clock import time_update
from .constants import reset, reset_inc
from .convolutions import convolution
from .copies import copy
from .dots import dot
from .functions import python_function
from .makers import Group, KernelMaker, per_item
from .neurons import neurons
from .own_steps import nothing, own_steps
from .processes import process
from .products import product
from .sparse import sparse_dot

default_kernels: MappingProxyType[type[Operator], KernelMaker] = MappingProxyType(
    {
        BsrDotInc: own_steps,
        ConvInc: convolution,
        ConvSet: convolution,
        ConvTransposeInc: own_steps,
        ConvTransposeSet: own_steps,
        Copy: copy,
        DotInc: dot,
        DotSet: dot,
        ElementwiseInc: product,
        ElementwiseSet: product,
        Reset: reset,
        ResetInc: reset_inc,
        SimBCM: learning.bcm,
        SimNeurons: neurons,
        SimOja: learning.oja,
        SimPES: learning.pes,
        SimProbe: nothing,
        SimProcess: process,
        SimPyFunc: python_function,
        SimRLS: own_steps,
        SimVoja: learning.voja,
        SparseDotInc: sparse_dot,
        SparseDotSet: sparse_dot,
        TimeUpdate: time_update,
    }
)

__all__ = ["Group", "KernelMaker", "default_kernels", "own_steps", "per_item"]
