"""Graphs of the Neuromorphic Intermediate Representation (NIR), in and out."""

from .errors import NIRError
from .exporting import ApproximationReport, Deviation, to_nir
from .importing import Imported, from_nir

__all__ = [
    "ApproximationReport",
    "Deviation",
    "Imported",
    "NIRError",
    "from_nir",
    "to_nir",
]
