"""Convert Keras models to Nengo networks."""

from .converter import Converter
from .cost import DEVICES, Cost, Device
from .errors import ConversionError, VerificationError
from .layer_converter import LayerConverter
from .layers import *  # noqa: F403
from .layers import __all__ as _layers
from .nir import NIRError, from_nir
from .report import LayerReport, Report
from .scaling import firing_rate_scales

__all__ = [
    "DEVICES",
    "ConversionError",
    "Converter",
    "Cost",
    "Device",
    "LayerConverter",
    "LayerReport",
    "NIRError",
    "Report",
    "VerificationError",
    "firing_rate_scales",
    "from_nir",
    *_layers,
]
