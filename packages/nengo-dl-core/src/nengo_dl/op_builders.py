"""Builders of basic operators."""

from nengo_dl_core.builders.copy import CopyBuilder
from nengo_dl_core.builders.dot import DotIncBuilder
from nengo_dl_core.builders.elementwise import ElementwiseIncBuilder
from nengo_dl_core.builders.probe import SimProbeBuilder
from nengo_dl_core.builders.pyfunc import SimPyFuncBuilder
from nengo_dl_core.builders.reset import ResetBuilder
from nengo_dl_core.builders.sparse import SparseDotIncBuilder, sparse_matmul
from nengo_dl_core.builders.time import TimeUpdateBuilder
from nengo_dl_optimizer import DotSet, ElementwiseSet, ResetInc, SparseDotSet

__all__ = [
    "CopyBuilder",
    "DotIncBuilder",
    "DotSet",
    "ElementwiseIncBuilder",
    "ElementwiseSet",
    "ResetBuilder",
    "ResetInc",
    "SimProbeBuilder",
    "SimPyFuncBuilder",
    "SparseDotIncBuilder",
    "SparseDotSet",
    "TimeUpdateBuilder",
    "sparse_matmul",
]
