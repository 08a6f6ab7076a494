"""The simulator and its data."""

from nengo_dl._former_simulator import FormerMethods
from nengo_dl_core.values.simulation_data import SimulationData

__all__ = [
    "SimulationData",
    "Simulator",
]


class Simulator(FormerMethods):
    """Simulates a Nengo network with TensorFlow; see `nengo_dl_core.Simulator`."""
