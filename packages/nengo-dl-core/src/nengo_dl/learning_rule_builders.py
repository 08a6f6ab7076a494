"""Builders of learning rules."""

from nengo_dl_core.builders.bcm import SimBCMBuilder
from nengo_dl_core.builders.oja import SimOjaBuilder
from nengo_dl_core.builders.pes import SimPESBuilder, build_pes
from nengo_dl_core.builders.voja import SimVojaBuilder

__all__ = [
    "SimBCMBuilder",
    "SimOjaBuilder",
    "SimPESBuilder",
    "SimVojaBuilder",
    "build_pes",
]
