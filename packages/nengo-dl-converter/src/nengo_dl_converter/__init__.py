"""Convert Keras models to Nengo networks."""

from .converter import Converter
from .errors import ConversionError, VerificationError
from .layer_converter import LayerConverter
from .layers import *  # noqa: F403
from .layers import __all__ as _layers

__all__ = [
    "ConversionError",
    "Converter",
    "LayerConverter",
    "VerificationError",
    *_layers,
]
