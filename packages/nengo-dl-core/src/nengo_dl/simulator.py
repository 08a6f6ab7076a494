"""The simulator and its data."""

from nengo_dl_core import Simulator
from nengo_dl_core.values.simulation_data import SimulationData

__all__ = [
    "SimulationData",
    "Simulator",
]
