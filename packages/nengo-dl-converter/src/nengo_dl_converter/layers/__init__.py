"""The converters of Keras' layers, one module for each family.

Importing this package fills the registry.
"""

from .activation import ConvertActivation, ConvertReLU
from .dense import ConvertDense
from .fallback import ConvertFallback
from .input import ConvertInput
from .model import ConvertModel, ConvertSequential
from .reshaping import ConvertFlatten

__all__ = [
    "ConvertActivation",
    "ConvertDense",
    "ConvertFallback",
    "ConvertFlatten",
    "ConvertInput",
    "ConvertModel",
    "ConvertReLU",
    "ConvertSequential",
]
