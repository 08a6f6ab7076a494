"""Graphs of the Neuromorphic Intermediate Representation (NIR), in and out."""

from .errors import NIRError
from .importing import Imported, from_nir

__all__ = ["Imported", "NIRError", "from_nir"]
