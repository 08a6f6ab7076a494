"""Convert Keras models to Nengo networks."""

from nengo_dl_core import DEVICES, Device

from .converter import Converter
from .cost import Cost
from .errors import ConversionError, VerificationError
from .layer_converter import LayerConverter
from .layers import *  # noqa: F403
from .layers import __all__ as _layers
from .nir import (
    ApproximationReport,
    Deviation,
    Imported,
    NIRError,
    from_nir,
    to_nir,
)
from .report import LayerReport, Report
from .scaling import firing_rate_scales

__all__ = [
    "DEVICES",
    "ApproximationReport",
    "ConversionError",
    "Converter",
    "Cost",
    "Deviation",
    "Device",
    "Imported",
    "LayerConverter",
    "LayerReport",
    "NIRError",
    "Report",
    "VerificationError",
    "firing_rate_scales",
    "from_nir",
    "to_nir",
    *_layers,
]
